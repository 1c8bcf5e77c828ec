"""Runs, trials and attempts, as far as they have come."""
