"""Reading a script from TOML, and refusing whatever could not be played as it is written."""

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Final, TypeVar, get_args

import msgspec

from engine.scripted.errors import ScriptInvalid
from engine.scripted.functions import script_function_names
from engine.scripted.script import ErrorName, Rule, Script, ScriptedTurn, TokenCount
from events.digest import digest_of

Table = dict[str, object]
_T = TypeVar("_T", Script, Rule, ScriptedTurn, TokenCount)

_AT: Final = re.compile(r" - at `\$\.?([A-Za-z_]+)[^`]*`$")
_MISSING: Final = re.compile(r"^Object missing required field `([^`]+)`")
_ENUM: Final = re.compile(r"^Invalid enum value '(.*)'", re.DOTALL)
_DERIVED: Final = "fingerprint"
_ANSWERED: Final = frozenset({"hang", "half", "garbage", "refusal", "empty"})
"""Failures that are not an HTTP error, and so have no status and no Retry-After."""


def load_script(path: Path) -> Script:
    """Read a script from a file.

    Raises:
        ScriptInvalid: It is missing, unreadable, or cannot be played.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as error:
        raise ScriptInvalid(str(path), None, "the file does not exist", remedy="check the path") from error
    except OSError as error:
        raise ScriptInvalid(str(path), None, f"cannot be read: {error}", remedy="choose a readable file") from error
    except UnicodeDecodeError as error:
        raise ScriptInvalid(str(path), None, f"is not UTF-8: {error}", remedy="save the file as UTF-8") from error
    return parse_script(text, str(path))


def parse_script(text: str, where: str) -> Script:
    """Read a script from its text.

    Args:
        text: TOML.
        where: What messages call the text; a file's path as a rule.

    Raises:
        ScriptInvalid: It names the first place that is wrong, and what to do about it.
    """
    try:
        tree: Table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScriptInvalid(where, None, f"is not TOML: {error}", remedy="correct the file's syntax") from error
    rules: list[Rule] = []
    for number, table in enumerate(_tables(tree, "rule", where), 1):
        rule = _rule(table, f"{where}, rule {number}")
        if any(rule.name == each.name for each in rules):
            raise ScriptInvalid(
                f"{where}, rule {number}", "name", f"is taken: {rule.name!r}", remedy="give each rule a name of its own"
            )
        rules.append(rule)
    _known(tree, Script, where)
    derived = {"rule": tuple(rules), _DERIVED: digest_of(text.encode())[:16]}
    return _convert({**tree, **derived}, Script, where)


def _rule(table: object, place: str) -> Rule:
    known = _known(table, Rule, place)
    match known.get("name"):
        case str(name) if name:
            place = f'{place} "{name}"'
        case _:
            pass
    if "function" in known:
        return _by_function(known, place)
    turns = [_turn(each, f"{place}, turn {number}") for number, each in enumerate(_tables(known, "turn", place))]
    for number, turn in enumerate(turns[:-1]):
        if turn.repeat:
            raise ScriptInvalid(
                f"{place}, turn {number}", "repeat", "stands before the last turn, so what follows is never given",
                remedy="set it in the last turn of the rule only",
            )  # fmt: skip
    return _convert({**known, "turn": tuple(turns)}, Rule, place)


def _by_function(known: Table, place: str) -> Rule:
    """Make a rule whose answers are computed."""
    if "turn" in known:
        raise ScriptInvalid(
            place, "function", "answers in place of turns, and there are turns, too",
            remedy="take one of the two out",
        )  # fmt: skip
    rule = _convert(known, Rule, place)
    if rule.function not in (names := script_function_names()):
        raise ScriptInvalid(
            place, "function", f"names {rule.function!r}, which no installed package registers",
            remedy=f"{_meant(str(rule.function), list(names))}; docs/scripts.md says how to register one",
        )  # fmt: skip
    return rule


def _turn(table: object, place: str) -> ScriptedTurn:
    known = _known(table, ScriptedTurn, place)
    if "usage" in known:
        inner = f"{place}, usage"
        known = {**known, "usage": _convert(_known(known["usage"], TokenCount, inner), TokenCount, inner)}
    turn = _convert(known, ScriptedTurn, place)
    _check_answer(turn, place)
    _check_failure(turn, place)
    _check_figures(turn, place)
    return turn


def _check_answer(turn: ScriptedTurn, place: str) -> None:
    """Refuse a turn that says nothing, or something that is never reached."""
    if not turn.answers and turn.error is None:
        raise ScriptInvalid(place, None, "says nothing", remedy="give it `text`, `command`, `tool` or `error`")
    if turn.command is not None and turn.tool is not None:
        raise ScriptInvalid(place, "tool", "calls a tool beside a command", remedy="give it one of them")
    if turn.error is not None and turn.answers and turn.times is None:
        raise ScriptInvalid(
            place, "error", "is given always, so the answer beside it never is",
            remedy="say how often with `times`, or take the answer out",
        )  # fmt: skip
    if turn.times is not None and (turn.error is None or not turn.answers):
        raise ScriptInvalid(
            place, "times", "counts an `error` that an answer follows, and one of the two is missing",
            remedy="add the missing one, or take `times` out",
        )  # fmt: skip


def _check_failure(turn: ScriptedTurn, place: str) -> None:
    """Refuse what belongs to an HTTP error where there is none."""
    if turn.error is not None and turn.error not in _ANSWERED:
        return
    for key, value in (("status", turn.status), ("retry_after_s", turn.retry_after_s)):
        if value is not None:
            what = "`error` is missing" if turn.error is None else f'"{turn.error}" is not an HTTP error'
            raise ScriptInvalid(
                place, key, f"has no meaning here: {what}", remedy='take it out, or use an error such as "server"'
            )


def _check_figures(turn: ScriptedTurn, place: str) -> None:
    """Refuse figures no provider could report."""
    cost, usage = turn.cost_usd, turn.usage
    if cost is not None and (not cost.is_finite() or cost < 0):
        raise ScriptInvalid(place, "cost_usd", f"is {cost}", remedy='write USD as a text such as "0.0001"')
    if usage is not None and usage.cached + usage.written > usage.input:
        raise ScriptInvalid(
            f"{place}, usage",
            "cached",
            "is, with `written`, more than `input`, of which both are parts",
            remedy="count cached and written within input",
        )


def _tables(table: Table, key: str, place: str) -> list[object]:
    match table.get(key):
        case None | []:
            raise ScriptInvalid(place, key, "is missing", remedy=f"add at least one {_header(key)} table")
        case list() as found:
            return found
        case _:
            raise ScriptInvalid(
                place, key, "is not a list of tables", remedy=f"write {_header(key)} with two brackets on each side"
            )


def _header(key: str) -> str:
    return "[[rule]]" if key == "rule" else "[[rule.turn]]"


def _known(table: object, kind: type[_T], place: str) -> Table:
    """Refuse keys that the kind does not have, with the name that may have been meant."""
    if not isinstance(table, dict):
        raise ScriptInvalid(place, None, "is not a table", remedy="write keys and values here")
    known = [each.encode_name for each in msgspec.structs.fields(kind) if each.encode_name != _DERIVED]
    for key in table:
        if key not in known:
            raise ScriptInvalid(place, str(key), "is not a key here", remedy=_meant(str(key), known))
    return table


def _meant(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"use one of {', '.join(known)}"


def _convert(table: Table, kind: type[_T], place: str) -> _T:
    """Make a value of the kind, or say which key prevents it."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        said = str(error)
        if missing := _MISSING.search(said):
            raise ScriptInvalid(place, missing[1], "is missing", remedy=f"add `{missing[1]} = ...`") from error
        key = found[1] if (found := _AT.search(said)) else None
        remedy = "write a value of that kind"
        if wrong := _ENUM.search(said):
            remedy = _meant(wrong[1], list(get_args(ErrorName)))
        raise ScriptInvalid(place, key, f"does not fit: {_AT.sub('', said)}", remedy=remedy) from error
