"""Runs over a suite, told: arms, their measures, pairs of tasks, libraries and costs."""
