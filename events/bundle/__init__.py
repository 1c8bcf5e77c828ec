"""Runs carried elsewhere: copied to another log, or written as one file."""
