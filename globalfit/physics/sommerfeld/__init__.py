"""Sommerfeld enhancement: attraction between dark-matter particle and antiparticle before they annihilate."""
