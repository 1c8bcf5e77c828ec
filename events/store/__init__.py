"""The contract of the log, and the stores that keep it."""
