"""The effects that actors ask for: models, sandboxes, tasks and the budget."""
