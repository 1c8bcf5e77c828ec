"""Actors: each owns one stream."""
