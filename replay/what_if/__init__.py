"""What recorded decisions would be under other settings."""
