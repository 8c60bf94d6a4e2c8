"""Samplers: thin adapters from the log density to draws."""
