"""What is computed from draws: summaries, errors, modes, intervals, planes."""
