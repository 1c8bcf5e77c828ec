"""Past runs of other systems, read into the log."""
