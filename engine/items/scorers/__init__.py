"""Scorers of benchmarks: each a pure function of an answer and what was expected."""
