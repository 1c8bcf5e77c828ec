"""The spec of a run, and how it comes from files, flags and the environment."""
