"""The optimizer: each question to it is an actor on a stream of its own, and what is read is a decision."""
