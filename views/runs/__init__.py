"""Runs, trials, attempts and skills, as people see them."""
