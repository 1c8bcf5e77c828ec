"""Trained skills: what a training run planned, proposed, measured, believed and accepted; pure."""
