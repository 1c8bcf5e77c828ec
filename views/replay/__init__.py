"""Replays, what-if and crash tests."""
