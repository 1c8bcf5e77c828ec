"""Train: a skill is rolled out, reflected on and edited, and each candidate passes a gate (SkillOpt)."""
