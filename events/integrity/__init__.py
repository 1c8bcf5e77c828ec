"""Whether a log is what it was: verification, seals and signatures."""
