"""Results of a run: what is computed from the draws, and the folder that holds it."""
