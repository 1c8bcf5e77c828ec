"""Whether a text is a skill that may be kept."""
