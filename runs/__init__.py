"""Run files that are ready to run."""
