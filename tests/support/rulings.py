"""Rulings kept for good: what each policy ruled from which inputs, under which revision of its point.

``python -m tests.support.rulings`` adds those of points whose revision the file does not hold yet, and leaves the rest.
"""

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal

import anyio
import msgspec

from engine.agents import points as agent_points
from engine.agents.points import AnswerSeen, BreakdownSeen, TurnSaw
from engine.core.decision import Point, PolicyContext, encode_value
from engine.effects import points as call_points
from engine.policies.call_retry import RetryLimits
from engine.policies.ending import CallFailure
from engine.programs.explore import learning_points, points
from engine.programs.explore.method import SPARK
from engine.programs.explore.program import EXPLORE
from engine.runtime.run import start_run
from events.base import Ref
from events.digest import Digest, digest_of
from events.store.blob_refs import named_blobs
from events.store.memory import MemoryLog
from events.types.agent import CallUnanswered
from events.types.decision import Decided, Earlier, Seen, Text, blob_of, inputs_of, parts_of, seen_in
from events.types.model import ToolCall
from events.values import Outcome
from tests.support.pretend import pretended
from tests.support.runs import MEMO, SCRIPT, SKILL, make_base, spec
from tests.support.worlds import Ticking

PATH: Final = Path(__file__).parents[1] / "golden" / "rulings.json"
POINTS: Final = {each.name: each for each in EXPLORE.points}

ERRING: Final = (
    SCRIPT.replace(f"text = '''{MEMO}'''", f'text = "no memo"\n[[rule.turn]]\ntext = """{MEMO}"""')
    .replace(f"text = '''{SKILL}'''", f'text = "no skill"\n[[rule.turn]]\ntext = """{SKILL}"""')
    .replace('[[rule.turn]]\ntext = "I guess."', '[[rule.turn]]\ntext = "DONE"\n[[rule.turn]]\ntext = "I guess."', 1)
)
"""A model whose first claim, first memo and first skill are none."""


class KeptRuling(msgspec.Struct, frozen=True):
    """One ruling."""

    point: str
    revision: int
    inputs: msgspec.Raw
    rule: msgspec.Raw
    ruling: msgspec.Raw


class Golden(msgspec.Struct):
    """All of them, and the texts that their inputs name."""

    rulings: list[KeptRuling]
    blobs: dict[Digest, str]


def read() -> Golden:
    """Read the file."""
    return msgspec.json.decode(PATH.read_bytes(), type=Golden)


def decided(point: Point[Any, Any, Any], inputs: bytes, rule: bytes, blobs: dict[Digest, bytes]) -> bytes:
    """Have the policy of today rule."""
    saw = msgspec.json.decode(inputs, type=point.saw)
    settings = msgspec.json.decode(rule, type=point.settings)
    desk = PolicyContext(blobs, digest_of, {}, (point.name, digest_of(inputs), digest_of(rule)))
    return encode_value(SPARK.policies[point.name](saw, settings, desk))


async def blobs_of(point: Point[Any, Any, Any], inputs: bytes, get: Callable[[Digest], Awaitable[bytes]]) -> Any:
    """Find every blob that inputs name."""
    found: dict[Digest, bytes] = {}
    waiting = [inputs]
    while waiting:
        for part in parts_of(msgspec.json.decode(waiting.pop(), type=point.saw)):
            names = named_blobs(part.value) if isinstance(part, Seen) else [blob_of(part)]
            for name in names:
                found[name] = await get(name)
            if isinstance(part, Earlier):
                waiting.append(found[part.earlier])
    return found


SAID: Final = (
    ("DONE", "stop"),
    ("```sh\nls -l\n```\nDONE", "stop"),
    ("```sh\nls -l\n```\n```sh\npwd\n```", "stop"),
    ("<think>\n```sh\nrm -r .\n```\n</think>\n```bash\nls\n```", "stop"),
    ("<think>I never stop", "length"),
    ("```sh\ncat <<E > a\nhel\n```\nThen\n```sh\nls\nE\n```", "stop"),
    ("```sh\nDONE\n```", "stop"),
    ("```\nls\n```", "stop"),
    ("```python\nprint(1)\n```", "stop"),
    ("ls -l /app", "stop"),
    ("```sh\necho [secret:API_KEY]\n```", "stop"),
    ("", "stop"),
)
"""Answers without a call, and how they ended."""
CALLED: Final = (
    ("run", '{"command": "ls", "timeout": 3}', "tool_calls"),
    ("run", '{"command": "cp wor', "length"),
    ("look", '{"path": "a"}', "tool_calls"),
    ("run", '{"command": ["ls", "-l"]}', "tool_calls"),
    ("run", "ls", "tool_calls"),
)
"""Calls: name, arguments, and how the answer ended."""


def _answers(put: Callable[[bytes], Digest]) -> Iterator[AnswerSeen]:
    for text, finish in SAID:
        message = msgspec.json.encode({"content": text, "role": "assistant"})
        yield AnswerSeen(put(message), put(text.encode()) if text else None, (), finish)
    for name, arguments, finish in CALLED:
        asked = [
            {"function": {"arguments": arguments, "name": name}, "id": call, "type": "function"} for call in ("a", "b")
        ]
        message = msgspec.json.encode({"content": None, "role": "assistant", "tool_calls": asked})
        calls = tuple(ToolCall(call, name, put(arguments.encode())) for call in ("a", "b"))
        yield AnswerSeen(put(message), None, calls, finish)


async def _lived(log: MemoryLog) -> list[tuple[Point[Any, Any, Any], bytes, bytes]]:
    """Live runs that err, and give what was decided in them."""
    shadows = {"pdi": {"shadows": {"careful": {"method": "calibrated"}}}}
    for tools in (False, True):
        teacher = {"model": "teacher", "base_url": "script:script.toml", "tools": tools}
        with tempfile.TemporaryDirectory() as folder:
            base = make_base(Path(folder), ERRING)
            await start_run(pretended(log, base), spec(models={"teacher": teacher}, method={"hint": True, **shadows}))
    found = []
    async for each in log.read():
        event = each.event
        if isinstance(event, Decided) and (inputs := inputs_of(event)) is not None and event.rule is not None:
            point = next(each for each in POINTS.values() if each.ruling_in(event) is not None)
            found.append((point, seen_in(event) or await log.get(inputs), await log.get(event.rule)))
    return found


MEMOS: Final = (
    f"<think>\n## Exploration Memo (9 failed attempts)\n</think>\n{MEMO}",
    f"Here it is:\n```markdown\n{MEMO}```",
    f"<think>{MEMO}</think>",
    MEMO.replace("### Verified Facts", "### Facts"),
    "[LLM ERROR] 502 Bad Gateway",
)
SKILLS: Final = (
    f"<think>short</think>\n{SKILL}",
    SKILL.replace("Read it", "Read 4711 from it").replace("worth nothing", "worth 4711"),
    SKILL.replace("name: word", "name: Word!"),
    SKILL.replace("```sh\ncat words.txt\n```", "```sh\ncat words.txt"),
    "<html><body>502",
)
_AT: Final = Ref("attempt/word/1", 9)
_ENDINGS: Final = (("done", None), ("turn_limit", "20 turns were made"), ("failed", "server: 502"))


def _written(put: Callable[[bytes], Digest]) -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    """Give inputs that runs seldom have."""
    for number, answer in enumerate(_answers(put), 1):
        saw = TurnSaw(Seen(Ref("attempt/word/1", number), answer), commands=number % 2, questioned=0)
        yield agent_points.TURN, encode_value(saw), b"{}"
        if number == 1:  # it insists
            again = msgspec.structs.replace(saw, commands=0, questioned=1)
            yield agent_points.TURN, encode_value(again), b"{}"
    for repairs in (0, 1, 2):
        for text in MEMOS if repairs < 2 else ():
            seen = Seen(_AT, _words(text, put))
            yield learning_points.REFLECTION, encode_value(learning_points.ReflectionSaw(seen, repairs)), b"{}"
        for text in SKILLS:
            task, tests = Text(put(b"Copy the word."), _AT), Text(put(b"assert answer == 4711\n"), _AT)
            skill = learning_points.SkillSaw(Seen(_AT, _words(text, put)), "word", task, tests, repairs)
            yield learning_points.SKILL, encode_value(skill), b"{}"
    for ended, detail in _ENDINGS:
        yield from _judged(points.EndedSeen(ended, detail or ""))
    yield learning_points.EVIDENCE, encode_value(_solved(put)), b"{}"
    yield from _stopped()
    yield from _observed(put)
    yield from _intervened()
    yield from _limited()
    yield from _ended(put)
    yield from _retried()
    yield from _checked(put)


def _words(text: str, put: Callable[[bytes], Digest]) -> learning_points.WordsSeen:
    message = msgspec.json.encode({"content": text, "role": "assistant"})
    return learning_points.WordsSeen(put(message), put(text.encode()))


def _solved(put: Callable[[bytes], Digest]) -> learning_points.EvidenceSaw:
    """A trial that was solved after a failure and an attempt that broke; neither reasoning nor the latter is shown."""

    def text(said: str, version: int) -> Text:
        return Text(put(said.encode()), Ref("attempt/word/3", version))

    def tried(number: int, outcome: Outcome, memo: str | None) -> learning_points.TriedSaw:
        return learning_points.TriedSaw(
            attempt=number,
            outcome=Seen(Ref(f"attempt/word/{number}", 9), points.Judged(outcome)),
            concluded=Ref("trial/word", number),
            ran=True,
            first_command=text("echo nope > answer.txt", number) if number == 1 else None,
            verdict=points.VerdictSaw(text("FAILED tests::word - another word\n", 8), None),
            memo=None if memo is None else text(memo, 7),
        )

    ended = Seen(_AT, points.EndedSeen("turn_limit", "20 turns were made"))
    exited = Seen(_AT, learning_points.ExitSeen(0))
    return learning_points.EvidenceSaw(
        trial="word",
        solved=Seen(Ref("trial/word", 12), learning_points.SolvedSeen("solved")),
        instruction=text("Copy the word.", 1),
        dockerfile=text("FROM debian:bookworm-slim\nRUN apt-get install -y jq\n", 1),
        judging=points.JudgingSaw(ended, Seen(_AT, points.RewardSeen(1.0)), None, None),
        verdict=points.VerdictSaw(text("PASSED tests::word\n", 9), None),
        actions=(
            learning_points.ActionSaw(text("cp words.txt answer.txt", 3), exited, text("", 4), text("a warning", 4)),
            learning_points.ActionSaw(None, exited, text("done\n", 6), None),
        ),
        notes=(text("<think>perhaps</think>I copy the word from its file now.", 2), text("<think>only</think>", 5)),
        before=(
            tried(1, Outcome("failed", 0.25, ""), MEMO),
            tried(2, Outcome("infrastructure", None, "it died"), None),
        ),
    )


def _judged(ended: points.EndedSeen) -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    for solved_at in (1.0, 0.5):
        for saw in (
            points.JudgingSaw(Seen(_AT, ended), None, None, None),
            points.JudgingSaw(Seen(_AT, ended), Seen(_AT, points.RewardSeen(0.5)), None, None),
            points.JudgingSaw(Seen(_AT, ended), None, Seen(_AT, points.SilenceSeen("missing", "no file")), None),
            points.JudgingSaw(Seen(_AT, ended), None, None, Seen(_AT, BreakdownSeen("lost", "it died"))),
        ):
            yield points.JUDGING, encode_value(saw), encode_value(points.JudgingRule(solved_at))


def _stopped() -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    outcomes = {
        "f": Outcome("failed", 0.0, ""),
        "s": Outcome("solved", 1.0, ""),
        "n": Outcome("no_verdict", None, "missing: no file"),
        "i": Outcome("infrastructure", None, "it died"),
    }
    for counting, word in product(
        ("judged", "spark"), ("", "f", "s", "fi", "ii", "if", "ififif", "nn", "fffff", "nfnf")
    ):
        seen = tuple(Seen(Ref(f"attempt/word/{n}", 9), points.Judged(outcomes[x])) for n, x in enumerate(word, 1))
        for money, cancelled in ((None, None), ("the budget of the run is used up", None), (None, "cancelled by Ann")):
            saw = points.StoppingSaw(seen, len(word), bool(word), money, cancelled)
            fields = {"attempts": 5, "infrastructure_retries": 2, "reflect": True, "distil": counting == "judged"}
            rule = msgspec.convert({**fields, "counting": counting}, points.StoppingRule)
            yield points.STOPPING, encode_value(saw), encode_value(rule)


def _observed(put: Callable[[bytes], Digest]) -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    long = "".join(f"line {number}\n" for number in range(40))
    turns = (agent_points.RunSeen((), ""), agent_points.RunSeen(("a", "b"), "only the first block was run"))
    outcomes = (("exited", 3, long, ""), ("timed_out", None, "half", "late"), ("memory", None, "", long))
    for turn, (ended, code, stdout, stderr), most in product(turns, outcomes, (100, 10_000)):
        outcome = agent_points.OutcomeSeen(ended, code, put(stdout.encode()), put(stderr.encode()))
        saw = agent_points.ObservationSaw(Seen(_AT, turn), Seen(_AT, outcome))
        yield agent_points.OBSERVATION, encode_value(saw), encode_value(agent_points.ObservationRule(most))


def _intervened() -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    readings = [
        None,
        *(points.ReadingSeen(level is not None, level, valid) for level, valid in product(_LEVELS, _BOTH)),
    ]
    for mode, stale, invalid in product(("off", "observe", "intervene"), ("forget", "repeat"), ("ignore", "trust")):
        for now, latest in product(readings, readings):
            if now is not None and now != latest:
                continue
            saw = points.InterventionSaw(*(None if each is None else Seen(_AT, each) for each in (now, latest)))
            rule = msgspec.convert({"mode": mode, "stale": stale, "invalid": invalid}, points.InterventionRule)
            yield points.INTERVENTION, encode_value(saw), encode_value(rule)


def _limited() -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    rules = (
        agent_points.LimitRule(3, None, None, None),
        agent_points.LimitRule(50, 100, Decimal("0.000001"), 60.0),
    )
    full = Seen(_AT, agent_points.ActionEndSeen("disk"))
    for rule, turns, tokens, cost in product(rules, (0, 2, 3), (99, 100), (999, 1000)):
        saw = agent_points.LimitSaw(turns, tokens, cost)
        yield agent_points.LIMIT, encode_value(saw), encode_value(rule)
    for rule, busy_s, began_s, last in product(rules, (59.75, 60.0, 70.0), (0.0, 10.0), (None, full)):
        saw = agent_points.LimitSaw(1, 2, 3, busy_s, began_s, allowed_s=60.0, last=last)
        yield agent_points.LIMIT, encode_value(saw), encode_value(rule)


def _ended(put: Callable[[bytes], Digest]) -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    saw = agent_points.EndingSaw
    refused = Seen(_AT, agent_points.RefusalSeen("trial"))
    full, gone = (Seen(_AT, CallFailure(kind, "so it is")) for kind in ("context_length", "server"))
    found = [
        saw(),
        saw(done=Seen(_AT, agent_points.ActSeen("done"))),
        saw(limit=Seen(_AT, agent_points.Enough("time_limit", "60 s"))),
        *(saw(failed=failed, refused=money) for failed, money in product((None, full, gone), (None, refused))),
        saw(broken=Seen(_AT, agent_points.BreakdownSeen("lost", "it died"))),
        saw(broken=Seen(_AT, agent_points.BreakdownSeen("lost", "it died")), step="second"),
        *(saw(solution=Seen(_AT, agent_points.SolutionSeen(*each))) for each in (("exited", 3), ("timed_out", None))),
        saw(solution=Seen(_AT, agent_points.SolutionSeen("disk", None))),
        saw(last=Seen(_AT, agent_points.StepEndSeen("budget", "the budget of the run is used up"))),
        saw(said=agent_points.AgentReport("done", "it ran")),
    ]
    failures = (None, (CallUnanswered("server", "502"),), (CallUnanswered("context_length", "too long"),))
    for stopped, ended, unanswered in product(
        (None, "turn_limit", "budget"), ("exited", "timed_out", "disk"), failures
    ):
        for code, answered, cut in ((0, 3, 0), (1, 3, 1), (1, 0, 0)):
            run = msgspec.convert(
                {"stopped": stopped, "ended": ended, "exit_code": code, "calls": 3, "answered": answered}
                | {"unanswered": None, "cut": cut},
                agent_points.AgentRunSeen,
            )
            run = msgspec.structs.replace(run, unanswered=unanswered)
            found.append(saw(run=Seen(_AT, run), stderr=Text(put(b" it broke\n"), _AT)))
    for each, (actions, before) in product(found, ((0, 0), (1, 0), (0, 1))):
        counted = msgspec.structs.replace(each, actions=actions, before=before)
        yield agent_points.ENDING, encode_value(counted), b"{}"


def _retried() -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    failures = (("server", True, None), ("rate_limit", True, 2.0), ("bad_request", False, None))
    for (kind, again, after_s), made, elapsed_s in product(failures, (1, 4, 5, 70), (1.0, 898.0, 900.0)):
        failed = Seen(Ref("attempt/word/1", made), call_points.FailureSeen(kind, again, after_s))
        saw = call_points.CallRetrySaw("teacher", failed, made, made // 2, elapsed_s)
        for rule in (RetryLimits(), RetryLimits(tries=1), RetryLimits(budget_s=None)):
            yield call_points.CALL_RETRY, encode_value(saw), encode_value(rule)


def _checked(put: Callable[[bytes], Digest]) -> Iterator[tuple[Point[Any, Any, Any], bytes, bytes]]:
    tests = '"tests":[{"name":"a","status":"passed"},{"name":"b","status":"failed","message":"no"}]'
    reports = (
        None,
        f'{{"results":{{{tests},"summary":{{"tests":5,"passed":4}}}}}}',
        '{"results":{"summary":{"tests":-1}}}',
    )
    for printed, report in product(("", "PASSED a\nFAILED b - another word\n"), (*reports, f"\ufeff{reports[1]}")):
        kept = None if report is None else Text(put(report.encode()), _AT)
        yield points.CHECKS, encode_value(points.VerdictSaw(Text(put(printed.encode()), _AT), kept)), b"{}"


_LEVELS: Final[tuple[Literal["soft", "strong"] | None, ...]] = (None, "soft", "strong")
_BOTH: Final = (True, False)


async def add() -> None:
    """Add the rulings of points whose revision the file does not hold yet."""
    golden = read() if PATH.exists() else Golden([], {})
    held = {(each.point, each.revision) for each in golden.rulings}
    log = MemoryLog(clock=Ticking())
    made = await _lived(log)
    for point, inputs, rule in (*made, *_written(log.put)):
        if (point.name, point.revision) in held:
            continue
        blobs = await blobs_of(point, inputs, log.get)
        golden.blobs.update({name: data.decode() for name, data in blobs.items()})
        ruling = msgspec.Raw(decided(point, inputs, rule, blobs))
        kept = KeptRuling(point.name, point.revision, msgspec.Raw(inputs), msgspec.Raw(rule), ruling)
        if kept not in golden.rulings:
            golden.rulings.append(kept)
    golden.blobs = dict(sorted(golden.blobs.items()))
    lines = [b"  " + msgspec.json.encode(each) for each in golden.rulings]
    blobs = msgspec.json.format(msgspec.json.encode(golden.blobs), indent=2)
    PATH.write_bytes(b'{"rulings": [\n' + b",\n".join(lines) + b'\n], "blobs": ' + blobs + b"}\n")


if __name__ == "__main__":
    anyio.run(add)
