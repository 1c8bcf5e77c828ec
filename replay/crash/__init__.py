"""A run is killed at every append, and resumed."""
