"""Skills of libraries that a run evolves: the life of a skill, and where its lines come from."""
