"""Read ``task.toml`` into ``TaskConfig``; what is wrong is named by its dotted key."""

import math
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import Struct, structs

from sandbox.errors import TaskInvalid
from sandbox.harbor.legacy import BadSpelling, modernise
from sandbox.harbor.numbers import with_numbers
from sandbox.harbor.schema import Environment, McpServer, TaskConfig, TaskStep

FILE: Final = "task.toml"
_BOM: Final = b"\xef\xbb\xbf"
_PACKAGE: Final = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9._-]+/(?!\.)[A-Za-z0-9._-]+")
_HOST: Final = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_FOLDER: Final = re.compile(r'(?![. ])[^/\\:*?"<>|\x00-\x1f]+(?<![. ])')
_TOPOLOGY: Final = re.compile(r"[1-9]\d*(?:x[1-9]\d*)*")
_VALIDATION: Final = re.compile(r"(?P<detail>.*?) - at `(?:key in )?\$\.?(?P<key>.*?)`", re.DOTALL)

_TYPES: Final = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_WORDS: Final = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "object": "a table",
    "array": "a list", "null": "nothing",
}  # fmt: skip
"""What msgspec's names of types are to whoever writes TOML."""


class ConfigRead(NamedTuple):
    """What a ``task.toml`` says, and what its author should know about it."""

    config: TaskConfig
    unknown_keys: tuple[str, ...]
    """Dotted paths of keys that Harbor's schema does not know. They change nothing; most are typos."""
    forgiven: tuple[str, ...]
    """What Harbor would not read the file for, and we do: it has no bearing on how the task runs. And what Harbor
    passes over without a word, as we do."""


def read_config(task: str, data: bytes) -> ConfigRead:
    """Read the settings.

    Raises:
        TaskInvalid: The file cannot be read, a value has the wrong type, or one that Harbor rejects.
    """
    raw = _parse(task, data)
    try:
        modern = modernise(raw)
        raw, forgiven = _without_bad_name(with_numbers(modern.raw, TaskConfig))
        config = msgspec.convert(raw, TaskConfig)
    except BadSpelling as error:
        raise _invalid(task, error.key, str(error)) from error
    except msgspec.ValidationError as error:
        key, detail = _place(error)
        raise _invalid(task, key, _worded(detail, key, raw)) from error
    for key, detail in _faults(config, raw):
        raise _invalid(task, key, detail)
    return ConfigRead(
        config, tuple(sorted(_unknown(raw, TaskConfig, ""))), (*forgiven, *modern.passed_over, *_bom(data))
    )


def _bom(data: bytes) -> Iterator[str]:
    if data.startswith(_BOM):
        yield "it begins with a UTF-8 byte order mark, for which Harbor rejects it"


def _without_bad_name(raw: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Leave out ``[task]`` where its name is no package's: the folder's name is what a run goes by."""
    table = raw.get("task")
    if not isinstance(table, dict):
        return raw, ()
    name = table.get("name")
    if isinstance(name, str) and _PACKAGE.fullmatch(name):
        return raw, ()
    detail = "task.name is missing" if name is None else f"task.name = {name!r} is not org/name"
    rest = {key: value for key, value in raw.items() if key != "task"}
    return rest, (f"{detail}, for which Harbor rejects the file; the folder's name is used",)


def _invalid(task: str, key: str | None, detail: str) -> TaskInvalid:
    return TaskInvalid(
        task, FILE, detail, key=key, remedy="fix this key in task.toml; Harbor's task reference lists valid values"
    )


def _parse(task: str, data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.removeprefix(_BOM).decode())
    except UnicodeDecodeError as error:
        raise TaskInvalid(
            task, FILE, f"byte {error.start} is not UTF-8", remedy="save it as UTF-8 without BOM"
        ) from error
    except (ValueError, RecursionError) as error:
        raise TaskInvalid(task, FILE, f"not TOML: {error}", remedy="fix the syntax at that line") from error


def _place(error: msgspec.ValidationError) -> tuple[str | None, str]:
    """The dotted key and the complaint in a message of msgspec's."""
    found = _VALIDATION.fullmatch(str(error))
    if found is None:
        return None, str(error)
    return found["key"] or None, found["detail"]


def _worded(detail: str, key: str | None, raw: dict[str, Any]) -> str:
    """Say a complaint about a type in words of TOML's, with the value that stands there."""
    found = _TYPES.fullmatch(detail)
    if found is None or any(each not in _WORDS for each in found["wanted"].split(" | ")):
        return detail
    wanted = " or ".join(_WORDS[each] for each in found["wanted"].split(" | ") if each != "null")
    value: Any = raw
    for name in (key or "").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    got = f" ({value})" if isinstance(value, bool | int | float | str) else ""
    return f"expected {wanted}, got {_WORDS.get(found['got'], found['got'])}{got}"


def _unknown(value: object, kind: Any, place: str) -> Iterator[str]:
    """Dotted paths of keys that no field takes."""
    known = _struct_in(kind)
    if known is None:
        return
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _unknown(each, known, f"{place}[{number}]")
    if not isinstance(value, dict):
        return
    fields = {each.encode_name: each.type for each in structs.fields(known)}
    for key, each in value.items():
        path = f"{place}.{key}" if place else key
        if key not in fields:
            yield path
        else:
            yield from _unknown(each, fields[key], path)


def _struct_in(kind: Any) -> type[Struct] | None:
    """The struct that an annotation holds: itself, or inside a tuple or a union."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    return next((found for each in get_args(kind) if (found := _struct_in(each)) is not None), None)


def _faults(config: TaskConfig, raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the types cannot say. The first one is enough."""
    yield from _not_finite(raw, "")
    yield from _environment_faults(config.environment, "environment")
    if config.verifier.environment is not None:
        yield from _environment_faults(config.verifier.environment, "verifier.environment")
        if config.verifier.environment_mode == "shared":
            yield "verifier.environment_mode", "'shared' contradicts the table [verifier.environment]"
    for place, table in (("agent", config.agent), ("verifier", config.verifier)):
        yield from _host_faults(table.allowed_hosts, place)
    for number, artifact in enumerate(config.artifacts):
        parts = (artifact.destination or "").split("/")
        if ".." in parts or (artifact.destination or "").startswith("/"):
            yield f"artifacts[{number}].destination", "must be relative and without '..'"
    yield from _step_faults(config.steps)
    if not isinstance(config.metadata.get("untrusted", False), bool):
        yield "metadata.untrusted", "expected true or false"


def _not_finite(value: object, place: str) -> Iterator[tuple[str, str]]:
    """NaN and infinities: TOML has them, but no number in a task may be one."""
    match value:
        case dict():
            for key, each in value.items():
                if key != "metadata":
                    yield from _not_finite(each, f"{place}.{key}" if place else key)
        case list():
            for number, each in enumerate(value):
                yield from _not_finite(each, f"{place}[{number}]")
        case float() if not math.isfinite(value):
            yield place, f"{value} is not a finite number"
        case _:
            return


def _environment_faults(table: Environment, place: str) -> Iterator[tuple[str, str]]:
    yield from _host_faults(table.allowed_hosts, place)
    if table.allowed_hosts and table.network_mode != "allowlist":
        yield f"{place}.allowed_hosts", "only goes with network_mode = 'allowlist'"
    if table.tpu is not None and not _TOPOLOGY.fullmatch(table.tpu.topology):
        yield f"{place}.tpu.topology", "must be positive whole numbers joined by 'x', such as '2x4'"
    for number, server in enumerate(table.mcp_servers):
        yield from _server_faults(server, f"{place}.mcp_servers[{number}]")


def _server_faults(server: McpServer, place: str) -> Iterator[tuple[str, str]]:
    if server.transport == "stdio" and server.command is None:
        yield f"{place}.command", "is needed with transport 'stdio'"
    if server.transport != "stdio" and server.url is None:
        yield f"{place}.url", f"is needed with transport {server.transport!r}"


def _host_faults(hosts: tuple[str, ...] | None, place: str) -> Iterator[tuple[str, str]]:
    for host in hosts or ():
        if not _HOST.fullmatch(host) and not _is_network(host):
            yield f"{place}.allowed_hosts", f"{host!r} is not a host name, an address or a CIDR block"


def _is_network(host: str) -> bool:
    try:
        ip_network(host, strict=False)
    except ValueError:
        return False
    return True


def _step_faults(steps: tuple[TaskStep, ...]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, step in enumerate(steps):
        folded = unicodedata.normalize("NFC", step.name.casefold())
        if not _FOLDER.fullmatch(step.name):
            yield f"steps[{number}].name", f"{step.name!r} is not a portable folder name"
        if folded in seen:
            yield f"steps[{number}].name", f"{step.name!r} occurs twice (case and accents are ignored)"
        seen.add(folded)
