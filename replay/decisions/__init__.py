"""Recorded decisions, each with the inputs it rests on, and each made again: a file for each kind."""
