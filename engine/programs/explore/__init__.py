"""Explore: attempts at a task, with reflection, PDI and distillation between them (SPARK)."""
