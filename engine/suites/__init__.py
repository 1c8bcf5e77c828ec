"""Suites: tasks by environment, family and role, read from folders of SkillEvolBench's form."""
