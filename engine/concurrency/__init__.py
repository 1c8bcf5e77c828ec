"""How much happens at once: limits, queues and what an operator orders."""
