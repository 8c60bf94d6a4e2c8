"""Evidence by a second method."""
