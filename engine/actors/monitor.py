"""PDI as a trial watches it."""
