"""What is part of a condition, and what is not: each part changes the digest, and nothing else does."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import combinations
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from engine.config.condition import Pins, condition_of
from engine.config.spec import AgentSpec, ModelSpec, RunSpec
from engine.programs.explore.spec import EvidenceSpec, MonitorSpec
from events.digest import digest_of
from events.integrity.blobs import NamedBlob, names_in_blob
from events.types.condition import Condition, SkillRef, parts_that_differ, read_condition
from events.values import NamedDigest
from tests.support.runs import spec

ROLES: Final[Mapping[str, str | None]] = {"teacher": None, "reflector": "teacher"}
TEACHER: Final = {"model": "small", "base_url": "https://one.invalid/v1", "parameters": {"temperature": 0}}
PLAIN: Final = spec(models={"teacher": TEACHER})


def skill(name: str = "greet", text: bytes = b"read me") -> SkillRef:
    """Find a skill of one file."""
    return SkillRef(name, f"how to {name}", (NamedDigest("SKILL.md", digest_of(text)),))


PINS: Final = Pins(
    prompts={"teacher_system": digest_of(b"work")},
    scripts={"script.toml": digest_of(b"say")},
    agent_package="stillroom@1",
    skills=(skill(), skill("part")),
    note=digest_of(b"mind the gap"),
)


def built(under: RunSpec = PLAIN, pins: Pins = PINS) -> Condition:
    """Build a condition; settings are only named."""
    return condition_of(under, ROLES, pins, digest_of)


def agent(**changes: Any) -> RunSpec:
    """Change settings of the agent."""
    return replace(PLAIN, agent=replace(PLAIN.agent, **changes))


def model(**changes: Any) -> RunSpec:
    """Change the one model."""
    return replace(PLAIN, models={"teacher": replace(PLAIN.models["teacher"], **changes)})


def method(**changes: Any) -> RunSpec:
    """Change settings of the method."""
    return replace(PLAIN, method=replace(PLAIN.method, **changes))


AGENT: Final[Mapping[str, Any]] = {
    "name": "nop",
    "max_turns": 3,
    "max_tokens": 100,
    "timeout_s": 5.0,
    "command_timeout_s": 7.0,
    "max_cost_usd": Decimal(1),
    "observation_chars": 10,
}
MODEL: Final[Mapping[str, Any]] = {
    "model": "large",
    "base_url": "https://two.invalid/v1",
    "provider": "other",
    "protocol": "messages",
    "api_version": "2",
    "thinking": True,
    "parameters": {"temperature": 1},
    "tools": False,
}
PINNED: Final[Mapping[str, Pins]] = {
    "a prompt": PINS._replace(prompts={"teacher_system": digest_of(b"play")}),
    "a prompt more": PINS._replace(prompts={**PINS.prompts, "more": digest_of(b"")}),
    "the agent's package": PINS._replace(agent_package="stillroom@2"),
    "no skill": PINS._replace(skills=()),
    "no word of skills": PINS._replace(skills=None),
    "a skill less": PINS._replace(skills=(skill(),)),
    "a skill's bytes": PINS._replace(skills=(skill(text=b"read me!"), skill("part"))),
    "a skill's name": PINS._replace(skills=(skill("greets"), skill("part"))),
    "no note": PINS._replace(note=None),
    "another note": PINS._replace(note=digest_of(b"mind")),
}
SETTINGS: Final[Mapping[str, RunSpec]] = {
    **{f"agent.{name}": agent(**{name: value}) for name, value in AGENT.items()},
    **{f"model.{name}": model(**{name: value}) for name, value in MODEL.items()},
    "another model for the reflector": replace(
        PLAIN, models={**PLAIN.models, "reflector": ModelSpec(model="other", base_url="https://one.invalid/v1")}
    ),
    "a script": model(base_url="script:script.toml"),
    "method.hint": method(hint=True),
    "method.attempts": method(attempts=1),
    "method.scoreless_attempts": method(scoreless_attempts=6),
    "method.evidence.lessons": method(evidence=EvidenceSpec(lessons=0)),
    "method.pdi.mode": method(pdi=replace(PLAIN.method.pdi, mode="observe")),
    "method.pdi.active.plan_weight": method(pdi=replace(PLAIN.method.pdi, active=MonitorSpec(plan_weight=0.0))),
    "method.pdi.shadows.a": method(pdi=replace(PLAIN.method.pdi, shadows={"a": MonitorSpec()})),
    "method.pdi.shadows.a.alpha": method(pdi=replace(PLAIN.method.pdi, shadows={"a": MonitorSpec(alpha=1.0)})),
}


def test_each_part_changes_the_digest_and_every_two_changes_differ() -> None:
    """Under a digest that says less, a score of one arm would be found for another."""
    conditions = [built(), *map(built, SETTINGS.values()), *(built(PLAIN, pins) for pins in PINNED.values())]
    for one, other in combinations(conditions, 2):
        assert one.digest != other.digest
        assert parts_that_differ(one, other)


def test_a_script_counts_by_its_bytes_and_not_by_its_name() -> None:
    """What it says is what the model is."""
    said, other = ({"script.toml": digest_of(text)} for text in (b"say", b"sing"))
    scripted = model(base_url="script:script.toml")
    moved = model(base_url="script:there.toml")
    assert built(scripted, PINS._replace(scripts=said)) != built(scripted, PINS._replace(scripts=other))
    there = PINS._replace(scripts={"there.toml": said["script.toml"]})
    assert built(moved, there) == built(scripted, PINS._replace(scripts=said))


OTHERWISE: Final[Mapping[str, RunSpec]] = {
    **{
        f"model.{name}": model(**{name: value})
        for name, value in {
            "api_key_env": "KEY",
            "api_key_command": "print-key",
            "api_key_header": "x-key",
            "stream": True,
            "stream_usage": False,
            "timeout_s": 1.0,
            "tries": 1,
            "retry_wait_initial_s": 1.0,
            "retry_wait_max_s": 1.0,
            "retry_timeout_s": None,
        }.items()
    },
    "agent.skills": agent(skills="moved"),  # by what is found there
    **{
        name: replace(PLAIN, **{name: value})
        for name, value in {
            "tasks": "elsewhere",
            "only": ("one",),
            "exclude": ("one",),
            "shuffle": 1,
            "limit": 1,
            "concurrency": 9,
            "repeats": 3,
            "sandbox": "docker",
            "verifier_network": "off",
            "on_loss": "rebuild",
            "program": "survey",
            "own": {"condition": "another label"},
            "prices": {},
            "price_table": "shipped",
        }.items()
    },
    "budget": spec(models={"teacher": TEACHER}, budget={"run_usd": 1}),
    "pools": spec(models={"teacher": TEACHER}, pools={"sandboxes": 1}),
}


@pytest.mark.parametrize("change", OTHERWISE)
def test_nothing_else_changes_it(change: str) -> None:
    """Where and how often it runs, who pays and how long a request may take are not what an arm is told."""
    assert built(OTHERWISE[change]).digest == built().digest


@pytest.mark.parametrize(
    ("kind", "prefix", "counted", "apart"),
    [
        (AgentSpec, "agent.", AGENT, frozenset[str]()),
        (ModelSpec, "model.", MODEL, frozenset[str]()),
        (RunSpec, "", {}, frozenset({"agent", "models", "method"})),
    ],
)
def test_every_key_of_a_spec_is_one_or_the_other(
    kind: type[msgspec.Struct], prefix: str, counted: Mapping[str, Any], apart: frozenset[str]
) -> None:
    """Whoever adds a key says here whether it is part of a condition."""
    otherwise = {name.removeprefix(prefix) for name in OTHERWISE if name.startswith(prefix) and "." in name[1:]}
    plain = {name for name in OTHERWISE if "." not in name} if not prefix else otherwise
    assert set(kind.__struct_fields__) == {*counted, *plain, *apart}
    assert not {*counted} & plain


def test_keys_that_were_added_change_no_condition_at_their_default() -> None:
    """Scores that are stored under it are still found. The digest is that of the settings before there were these."""
    assert built().method.settings == "232eb7de0d2679d9a5bd330025ca36281f94e6f1589450e1293e36d5a5018449"


def test_the_order_in_which_skills_are_found_does_not_count() -> None:
    """A folder lists them as it pleases."""
    assert PINS.skills is not None
    assert built(PLAIN, PINS._replace(skills=PINS.skills[::-1])) == built()


def test_it_reads_back_from_the_bytes_that_are_kept() -> None:
    """And its digest is theirs."""
    condition = built()
    assert read_condition(condition.canonical) == condition
    assert digest_of(condition.canonical) == condition.digest


def test_what_it_names_is_followed() -> None:
    """By bundles, copies and checks: settings, the note, and every file of a skill."""
    condition = built()
    named = {each.digest for each in names_in_blob(NamedBlob(1, condition.digest, "condition"), condition.canonical)}
    parameters = {each.parameters for each in condition.models}
    files = {file.digest for each in condition.skills or () for file in each.files}
    assert named == {condition.agent.settings, condition.method.settings, condition.note, *parameters, *files}


def test_feedback_is_told_from_the_method() -> None:
    """A memo rests on failed tests, a hint on tests; one attempt without either learns nothing."""
    once: Callable[..., Condition] = lambda **more: built(method(attempts=1, **more))  # noqa: E731
    assert [built().feedback, once().feedback, once(hint=True).feedback] == ["rich", "none", "hint"]
    assert built(method(reflect=False)).feedback == "none"


def test_the_digest_of_a_skill_is_that_of_its_folder() -> None:
    """Its name is no part of it: the same folder under two names holds the same bytes."""
    assert skill("a").digest == skill("b").digest != skill("a", b"more").digest
