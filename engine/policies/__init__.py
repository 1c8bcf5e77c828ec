"""Decisions: pure functions from recorded values to a value."""
