"""Populations of points that follow the likelihood, and the proposals that move them."""
