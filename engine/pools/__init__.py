"""Pools: how much of each kind of work goes on at a time, and who is next."""
