"""Ways to roll an item out: each an actor that gives what came of it."""
