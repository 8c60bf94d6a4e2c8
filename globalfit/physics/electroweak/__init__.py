"""Electroweak precision: Standard-Model predictions of Z-pole and W observables, and what a portal does to them."""
