"""Runs written in formats of others."""
