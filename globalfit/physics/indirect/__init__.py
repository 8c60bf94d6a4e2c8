"""Indirect detection: what dark matter annihilates into at rest, and the gamma rays of it."""
