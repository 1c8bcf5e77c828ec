"""Dockerfiles: read, and told to engines without BuildKit."""
