"""The protocols a script can speak, one module each."""
