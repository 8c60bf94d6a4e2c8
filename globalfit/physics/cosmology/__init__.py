"""Degrees of freedom, thermal average and freeze-out."""
