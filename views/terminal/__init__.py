"""What every command shares: the terminal, its options, the opened log."""
