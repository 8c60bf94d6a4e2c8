"""What users hold in Python: runs, posteriors, points and results. `globalfit` hands these names on."""
