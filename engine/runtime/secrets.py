"""Which values of the environment must never reach the log: keys the spec names, and what is named like a secret."""

import re
from collections.abc import Iterable, Iterator, Mapping
from os import walk
from pathlib import Path
from typing import Final

from anyio import to_thread

from engine.config.program_registry import known_points, specs_of
from engine.config.spec import RunSpec, canonical
from engine.core.prompts import Prompts
from engine.policies.turn import RUN_TOOL
from engine.runtime.context import RunContext
from events.catalog import catalog_words
from events.errors import SecretUnusable
from events.redaction.redactor import IgnoredSecret, Redactor
from sandbox.harbor.task import Task

_LOOKS_SECRET: Final = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)\d*$")

_MESSAGE_WORDS: Final = (
    "role content system user assistant function arguments tool_calls tool_call_id reasoning choices message delta "
    "image media_type text type thinking thinking_blocks redacted_thinking signature extra_content thought_signature "
    "finish_reason usage prompt_tokens completion_tokens input_tokens output_tokens parameters "
    "reward.txt reward.json ctrf.json results summary passed failed skipped pending other"
)
"""Words of the formats that are read from what is recorded: messages of models, and reports of verifiers."""

_LARGEST_TEXT: Final = 1 << 20
"""Bytes up to which a file of a task is looked through."""

_STREAM_NAMES: Final = "session control trial/ attempt/"


def key_names(spec: RunSpec) -> tuple[str, ...]:
    """List the variables a spec reads keys from."""
    models = [model for each in specs_of(spec) for model in each.models.values()]
    return tuple(sorted({model.api_key_env for model in models if model.api_key_env}))


def redactor_of(
    environment: Mapping[str, str], named: Iterable[str] = ()
) -> tuple[Redactor, tuple[IgnoredSecret, ...]]:
    """Make what replaces the secrets of an environment, but for guesses that are words of the log.

    Args:
        environment: Of the process.
        named: Variables that are known to hold a key. Those that are only named like one are guesses.

    Returns:
        It, and the guesses that it does not look for.

    Raises:
        SecretUnusable: A named value cannot be looked for, or is a word of the log.
    """
    known = tuple(named)
    secrets = secrets_of(environment, known)
    redactor = Redactor(secrets, guessed=secrets.keys() - set(known))
    words = {"the words of events": "\0".join(sorted(catalog_words())).encode()} if secrets else {}
    points = "\0".join(sorted(known_points())) if secrets else ""
    formats = {
        "the names of points of decision": points.encode(),
        "the words of messages and reports": _MESSAGE_WORDS.encode(),
        "the names of streams": _STREAM_NAMES.encode(),
    }
    return redactor, redactor.protect(words | formats | {"the definition of the tool run": RUN_TOOL})


def secrets_of(environment: Mapping[str, str], named: Iterable[str] = ()) -> dict[str, str]:
    """Gather the secrets that are looked for in everything that is written.

    Args:
        environment: Of the process.
        named: Variables that are known to hold a key; one that cannot be looked for is then an error, later on.

    A value that only looks like a secret by its variable's name, and cannot be looked for (``TOKEN=1``), is left out.
    """
    wanted = {name: environment[name] for name in named if environment.get(name)}
    for name in sorted(environment):
        if (
            name not in wanted
            and environment[name]
            and _LOOKS_SECRET.search(name)
            and _usable({**wanted, name: environment[name]})
        ):
            wanted[name] = environment[name]
    return wanted


async def protect(
    setting: RunContext, specs: Iterable[RunSpec], prompts: Prompts, trials: Iterable[str], tasks: Iterable[Task]
) -> None:
    """Stop treating guesses as secrets that stand in what a run must record as it is, and tell a person of them.

    What a task says and holds is among that: an agent that is told another word than the verifier asks for scores 0.

    Args:
        setting: The process's means. Nothing of the run was recorded yet.
        specs: In force at some time of the run.
        prompts: What models are told.
        trials: Their names, or those of their tasks; they are in the names of streams.
        tasks: Whose instructions and files agents and verifiers see.

    Raises:
        SecretUnusable: The value of a key that the spec names stands there.
    """
    redactor = setting.log.redactor
    if not redactor.names:
        return
    for text in told(redactor.protect(dict(_fixed(specs, prompts, trials)))):
        setting.warn(text)
    for task in tasks:
        held = await to_thread.run_sync(_texts_of, task)
        for text in told(redactor.protect({f"the task {task.name}": held})):
            setting.warn(text)


def _texts_of(task: Task) -> bytes:
    """Join what a task says and holds; large files are data, which is not looked through."""
    files = (Path(folder, name) for folder, _, names in walk(task.path) for name in names)
    texts = [path.read_bytes() for path in files if path.is_file() and path.stat().st_size <= _LARGEST_TEXT]
    return b"\0".join([task.instruction.encode("utf-8", "replace"), *texts])


def told(ignored: Iterable[IgnoredSecret]) -> Iterator[str]:
    """Word for a person which variables are not taken for secrets."""
    for each in ignored:
        yield (
            f"{each.name} is not treated as a secret: its value occurs in {each.where}. "
            "If it is a secret, change its value"
        )


def _fixed(specs: Iterable[RunSpec], prompts: Prompts, trials: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    yield "the spec", b"\0".join(canonical(spec) for spec in specs)
    yield from ((f"the prompt {each.name}", each.text.encode()) for each in prompts.prompts)
    yield from ((f"the name of the trial {name}", name.encode()) for name in trials)


def _usable(secrets: Mapping[str, str]) -> bool:
    try:
        Redactor(secrets)
    except SecretUnusable:
        return False
    return True
