"""Simulated worlds in which gates are compared."""
