"""Whether a change of a skill library may be made, and what becomes of the skills in it."""
