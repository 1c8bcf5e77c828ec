"""Doors to model providers."""
