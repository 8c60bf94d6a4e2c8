"""Annihilation cross sections and widths."""
