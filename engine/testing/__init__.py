"""Faults put in the way of a run, to see what it makes of them."""
