"""Why something was decided: the chain of causes from an event down to bytes."""
