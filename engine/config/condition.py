"""The condition of a spec: a pure function of the settings and of what was pinned before the run began."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from engine.config.spec import SCRIPT, ModelSpec, RunSpec, model_for
from events.digest import Digest, Fingerprint, digest_of
from events.types.condition import AgentKey, Condition, FeedbackLevel, MethodKey, ModelKey, SkillRef
from events.values import Role

_CALL: Final = ("parameters", "thinking", "tools", "api_version")
"""Of a model: what its calls are given. How they are carried (key, time limit, retries, streaming) is not."""
_AGENT: Final = frozenset({"name", "skills"})
"""Of an agent: what has a part of the condition to itself."""


class Pins(NamedTuple):
    """What was found when a run began, and goes into its conditions."""

    prompts: Mapping[str, Digest]
    """By name."""
    scripts: Mapping[str, str]
    """Digests of scripts that stand in for models, by path."""
    agent_package: str
    """Package and version that the agent comes from."""
    skills: tuple[SkillRef, ...] | None
    """That the agent is given. None: nothing is said of skills."""
    note: Digest | None = None
    """Blob: text that the agent is told after its instruction. None: nothing."""


def condition_of(
    spec: RunSpec, roles: Mapping[str, str | None], pins: Pins, put: Callable[[bytes], Digest]
) -> Condition:
    """Build the condition under which a spec has trials.

    Args:
        spec: Of the run, or of an arm of it.
        roles: Of the program: by role, the role whose model stands in.
        pins: What was found.
        put: Keeps the bytes of settings, or only names them.
    """
    models = {role: model_for(spec, role, other) for role, other in roles.items()}
    return Condition(
        agent=AgentKey(spec.agent.name, pins.agent_package, put(_canonical(_but(spec.agent, _AGENT)))),
        models=tuple(_key(role, model, pins, put) for role, model in sorted(models.items()) if model is not None),
        method=MethodKey(spec.method.name, put(_canonical(_counted(spec.method)))),
        prompts=Fingerprint(digest_of(_canonical(dict(pins.prompts)))),
        skills=None if pins.skills is None else tuple(sorted(pins.skills, key=lambda each: each.name)),
        note=pins.note,
        feedback=_feedback(spec),
    )


def _key(role: Role, model: ModelSpec, pins: Pins, put: Callable[[bytes], Digest]) -> ModelKey:
    given = {name: getattr(model, name) for name in _CALL}
    if model.base_url.startswith(SCRIPT):
        where = SCRIPT + pins.scripts[model.base_url.removeprefix(SCRIPT)]
    else:
        where = model.base_url
    reached = " ".join(filter(None, (model.provider, model.protocol or "chat", where)))
    return ModelKey(role, model.model, reached, put(_canonical(given)))


def _feedback(spec: RunSpec) -> FeedbackLevel:
    """Say what is learnt of the verifier: a memo rests on its failed tests, a hint on its tests."""
    if spec.method.attempts > 1 and getattr(spec.method, "reflect", True):
        return "rich"
    return "hint" if getattr(spec.method, "hint", False) else "none"


def _but(settings: msgspec.Struct, names: frozenset[str]) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__ if name not in names}


def _counted(settings: Any) -> Any:
    """Give settings as conditions have them: keys that a class names in `ADDED` are left out at their default.

    So a key that is added with the value that counted before changes no condition, and stored scores are still found.
    """
    match settings:
        case msgspec.Struct():
            added: frozenset[str] = getattr(settings, "ADDED", frozenset())
            fields = {
                each.name: (getattr(settings, each.name), each.default) for each in msgspec.structs.fields(settings)
            }
            return {
                name: _counted(value)
                for name, (value, default) in fields.items()
                if name not in added or value != default
            }
        case dict():
            return {name: _counted(each) for name, each in settings.items()}
        case _:
            return settings


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")
