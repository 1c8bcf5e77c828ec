"""What stands before a run: settings, tasks, the machine."""
