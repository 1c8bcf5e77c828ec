"""Attempts and runs as Harbor writes them: trials and job folders."""
