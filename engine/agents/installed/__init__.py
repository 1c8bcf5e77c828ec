"""Agents that are installed into a sandbox and call models through the gateway."""
