"""Scoring by groups: outcome and process, public and hidden; each that has tests counts the same."""
