"""From the names in a run file to the objects that compute."""
