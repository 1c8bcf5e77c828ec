"""The proof of a task: what is looked for, who tries to cheat, and what it comes to."""
