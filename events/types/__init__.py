"""The events, one file for each family."""
