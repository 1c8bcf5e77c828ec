"""Policies of constructing: what is put right by rule, what is wrong, how a task is written, how it goes on."""
