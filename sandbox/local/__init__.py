"""Sandboxes on this machine: bubblewrap, or no isolation where it is asked for by name."""
