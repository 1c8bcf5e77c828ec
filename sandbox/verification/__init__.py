"""A task's own scripts, run in a sandbox: solution, verifier, steps."""
