"""What the agent did, read from the stream of Codex events that SPARK keeps as the agent's output (SPARK, 5.3)."""

from typing import Any, Literal, NamedTuple

from engine.importers.spark_read import Fields, Place, Warnings, read_object


class Action(NamedTuple):
    """A command, and how it ended."""

    command: str
    """As the agent wrote it, its shell included."""
    output: str
    """Both streams, as Codex joins them."""
    exit_code: int | None
    """None: it never ended."""

    @property
    def ended(self) -> Literal["exited", "killed"]:
        """How, in the words of the log."""
        return "killed" if self.exit_code is None else "exited"


def read_actions(stdout: str) -> list[Action]:
    """Read the commands in the order in which they ended; those that never did come last.

    Other lines are no damage: an agent may print anything.
    """
    quiet = Warnings()
    ended: list[Action] = []
    begun: dict[str, Action] = {}
    for number, line in enumerate(stdout.split("\n"), start=1):
        record = read_object(line, Place("agent_stdout_full", number), quiet) if line.lstrip()[:1] == "{" else None
        item = None if record is None else _command(record)
        if record is None or item is None:
            continue
        action = Action(item.text("command") or "", item.text("aggregated_output") or "", item.whole("exit_code"))
        name = item.text("id") or f"line {number}"
        if record.value.get("type") == "item.completed":
            begun.pop(name, None)
            ended.append(action)
        else:
            begun[name] = action
    return [*ended, *begun.values()]


def _command(record: Fields) -> Fields | None:
    item: Any = record.value.get("item")
    if not isinstance(item, dict) or item.get("type") != "command_execution":
        return None
    found = record.within("item")
    return found if found.text("command") else None
