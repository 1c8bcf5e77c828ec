"""Adoption: accepted skills written into a person's own folder of skills, each atomically, and taken back exactly."""
