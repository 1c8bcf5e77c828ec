"""PDI: whether a memo rests on what was executed."""
