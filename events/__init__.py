"""The log: events, how they are written, and how they are kept."""
