"""Evaluations: stored scores, and arms compared."""
