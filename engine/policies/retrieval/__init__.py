"""Which skills of a library an agent is given for a task."""
