"""Suites as people look at them: what they hold, and what is wrong with them."""
