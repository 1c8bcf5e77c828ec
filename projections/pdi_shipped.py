"""The reference that ``calibrated`` goes by where a spec states none."""

from typing import Final

from projections.pdi_reference import PdiReference

SPARK_RELEASE: Final = PdiReference(
    likeness="token_overlap",
    exec_mean=0.43,
    exec_sd=0.1076,
    plan_mean=0.3427,
    plan_sd=0.1037,
    oss_mean=0.5687,
    oss_sd=0.2403,
    threshold=-3.8996,
    false_alarm=0.1,
    source="36 steps of 9 tasks in 20 runs that SPARK released (EtaYang10th/spark-skills, 4c79c5a); seed 0, 20 rounds",
)
"""Fitted by `stillroom pdi calibrate` on all of the 20 runs; a test fits it again where they are at hand.

One teacher wrote nearly all of these memos, under SPARK's prompts: whoever has runs of their own does better to fit.
"""
