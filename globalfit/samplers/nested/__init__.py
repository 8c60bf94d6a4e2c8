"""Nested sampling: dynesty and nautilus."""
