"""Hamiltonian sampling with numpyro."""
