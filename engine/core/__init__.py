"""Scopes, histories and ports: what every actor stands on. It imports nothing of its siblings."""
