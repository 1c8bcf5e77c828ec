"""Attempts as ATIF documents."""
