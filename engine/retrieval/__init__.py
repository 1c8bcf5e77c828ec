"""How skills are ranked for a task: what touches the world of it."""
