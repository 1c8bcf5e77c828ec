"""Constructions of tasks, as people see them."""
