"""Sandboxes in containers: Docker Engine and Podman."""
