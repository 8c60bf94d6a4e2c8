"""Experiments: one folder each, with its module, its data tables and their provenance."""
