"""Whoever writes skills: what it is told, what it answers, and how that is read."""
