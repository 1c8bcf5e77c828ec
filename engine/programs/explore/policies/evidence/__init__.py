"""What a skill is written from: the record of a solved trial, in blocks."""
