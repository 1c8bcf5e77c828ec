"""Edits of a skill's files: what an optimizer may ask for, how it is applied, and what is refused; pure."""
