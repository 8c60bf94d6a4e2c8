"""Priors, parameters and the density of one point or a batch of points."""
