"""Agents: who acts inside a sandbox."""
