"""Where agents act: the sandbox contract, its backends, and Harbor task folders."""
