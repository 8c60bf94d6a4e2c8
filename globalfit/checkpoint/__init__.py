"""What a stopped run needs to go on: recorded calls of compiled functions."""
