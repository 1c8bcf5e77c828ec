"""What every sandbox promises, as checks."""
