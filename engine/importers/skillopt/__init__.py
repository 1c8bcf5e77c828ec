"""Output folders of SkillOpt, read into the log."""
