"""Slow, independent reference calculations against which the tests compare."""
