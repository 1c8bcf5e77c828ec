"""What installed agents write of themselves."""
