"""Programs: what a run can do."""
