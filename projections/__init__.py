"""Views folded from the log: pure, versioned, disposable."""
