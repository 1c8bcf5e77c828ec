"""Methods that are built in: for every point of decision, which policy rules."""

from types import MappingProxyType

from engine.agents import points as agent_points
from engine.agents import rulings as agent_rulings
from engine.core.decision import Method
from engine.effects import points as call_points
from engine.programs import skill_scan
from engine.programs.explore import learning_points, learning_rulings, points, rulings
from engine.programs.explore.spec import SparkSpec

SPARK = Method(
    "spark",
    MappingProxyType(
        {
            points.JUDGING.name: rulings.judge_attempt,
            points.STOPPING.name: rulings.decide_whether_to_go_on,
            points.HINT.name: rulings.prepare_hint,
            points.RETRY.name: rulings.word_retry,
            points.PDI.name: rulings.read_pdi,
            points.INTERVENTION.name: rulings.choose_intervention,
            agent_points.TURN.name: agent_rulings.read_turn,
            agent_points.OBSERVATION.name: agent_rulings.word_observation,
            agent_points.LIMIT.name: agent_rulings.rule_on_limits,
            agent_points.ENDING.name: agent_rulings.rule_on_ending,
            **call_points.POLICIES,
            points.CHECKS.name: rulings.count_checks,
            learning_points.REFLECTION.name: learning_rulings.rule_on_memo,
            learning_points.EVIDENCE.name: learning_rulings.gather_blocks,
            learning_points.SKILL.name: learning_rulings.rule_on_skill,
            **skill_scan.POLICIES,
        }
    ),
    SparkSpec,
)
"""SPARK's exploration loop (SPARK, 2)."""
