"""Chains of causes."""
