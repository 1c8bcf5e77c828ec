"""Runs of SkillEvolBench, read into the log as far as their records go."""
