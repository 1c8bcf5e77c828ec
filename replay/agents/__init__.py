"""An installed agent of another version, put before recorded answers."""
