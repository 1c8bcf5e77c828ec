"""The course of a training run: batches, rates, merging, selection, notes of steps, scores; pure.

Each rule has a value ``compatible``, which is SkillOpt's behaviour with its defects. The other value mends them, and
says which, by the numbers (W1, W14, …) that the defects have where SkillOpt's behaviour is described.
"""
