"""Tests of globalfit; the folders mirror those of the package."""
