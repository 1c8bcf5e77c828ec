"""The decisions of the exploration, each a pure function."""
