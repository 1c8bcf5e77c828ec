"""Agents of other makes, brought into the sandbox: installed once, configured, run, and read."""
