"""Simulated worlds in which items are rolled out step by step; pure, so that a replay lives them again."""
