"""A method: SPARK with one policy of its own. An infrastructure failure never ends a trial before its attempts do."""

import msgspec

import stillroom as st
from stillroom import explore_points as points


def go_on(saw: points.StoppingSaw, rule: points.StoppingRule, desk: st.PolicyContext) -> points.Next:
    """Rule as SPARK does, but for the patience with what is not the agent's doing."""
    patient = msgspec.structs.replace(rule, infrastructure_retries=rule.attempts + 1)
    ruling: points.Next = st.SPARK.policies["stopping"](saw, patient, desk)
    return ruling


PATIENT = st.SPARK.but("patient", stopping=go_on)
