"""One story of a task from its files: the trajectory first, ``attempts.json`` for what it does not hold.

``attempts.json`` is written at the end only (SPARK, W17): a cancelled task has none, and its trajectory may be lost
while it is whole. Where both tell of an attempt and differ, the trajectory stands, but for the two things SPARK
itself decides from ``attempts.json``: the status, and the rows of an attempt that the infrastructure broke.
"""

from typing import NamedTuple

from engine.importers.spark.files import ATTEMPTS, SKILL, TRAJECTORY, TaskFiles
from engine.importers.spark.reader import Fields, SourceLocation, Warnings, read_object, read_text
from engine.importers.spark.records import Facts, PdiSnapshot, Rewritten, SparkAttempt, Story
from engine.importers.spark.trajectory import SparkTrajectory, read_snapshot, read_tried

_EMPTY = Facts(None, None, None)


class SparkAttempts(NamedTuple):
    """What ``attempts.json`` tells."""

    attempts: dict[int, SparkAttempt]
    memos: list[Rewritten]
    max_attempts: int | None
    injects: bool | None
    """None: nothing says that readings were only observed."""


def tell(found: TaskFiles, warnings: Warnings) -> Story | None:
    """Read all that can be read. None: nothing can."""
    told = _trajectory(found, warnings)
    ending = _ending(found, warnings)
    skill = _skill(found, warnings)
    if skill is None and ending is None and (told is None or not told.readable):
        return None
    facts = told.facts if told else _EMPTY
    if facts.max_attempts is None and ending is not None:
        facts = facts._replace(max_attempts=ending.max_attempts)
    attempts = _attempts(told, ending, warnings)
    if skill is None and SKILL not in found.files and any(each.solved for each in attempts.values()):
        warnings.add(SourceLocation(SKILL, None), "is missing, although the task was solved", "no skill is recorded")
    return Story(
        task=found.task,
        facts=facts,
        attempts=tuple(attempts[number] for number in sorted(attempts)),
        memos=tuple(_memos(told, ending)),
        distilled=tuple(told.distilled) if told else (),
        skill=skill,
        injects=ending.injects if ending else None,
        ended=ATTEMPTS in found.files,
    )


def _trajectory(found: TaskFiles, warnings: Warnings) -> SparkTrajectory | None:
    data = found.files.get(TRAJECTORY, b"")
    if not data.strip():
        if TRAJECTORY not in found.files:
            warnings.add(SourceLocation(TRAJECTORY, None), "is missing", "what attempts.json holds is read")
        return None
    told = SparkTrajectory(data, warnings)
    for number in told.snapshots.keys() - {memo.attempt for memo in told.memos if memo.snapshot}:
        warnings.add(
            SourceLocation(TRAJECTORY, None), f"PDI after attempt {number} has no memo", "this reading is left out"
        )
    return told


def _skill(found: TaskFiles, warnings: Warnings) -> str | None:
    data = found.files.get(SKILL, b"")
    return read_text(data, SourceLocation(SKILL, None), warnings) if data.strip() else None


def _ending(found: TaskFiles, warnings: Warnings) -> SparkAttempts | None:
    place = SourceLocation(ATTEMPTS, None)
    data = found.files.get(ATTEMPTS, b"")
    if not data.strip():
        if ATTEMPTS not in found.files:
            warnings.add(place, "is missing", "the task counts as stopped unless it was solved")
        return None
    record = read_object(read_text(data, place, warnings), place, warnings)
    if record is None:
        return None
    attempts: dict[int, SparkAttempt] = {}
    for at, each in enumerate(record.objects("attempts")):
        number = each.count("attempt")
        if number is None or number in attempts:
            number = max(attempts, default=-1) + 1
            each.warn(f"attempt {at} in the list has no number of its own", f"it counts as {number}")
        attempts[number] = read_tried(each, number)
    observed = record.within("pdi").flag("observe_only")
    injects = None if observed is None else not observed
    return SparkAttempts(attempts, _remembered(record, attempts), record.count("max_retries"), injects)


def _remembered(record: Fields, attempts: dict[int, SparkAttempt]) -> list[Rewritten]:
    """Match memos with the failures they were written after: in order, since nothing says which is whose."""
    texts = record.texts("memo_history")
    if latest := record.text("exploration_memo"):
        texts.append(latest)
    readings = [read_snapshot(each) for each in record.within("pdi").objects("history")]
    memos: list[Rewritten] = []
    waiting, reflected = list(reversed(texts)), 0
    for number, tried in sorted(attempts.items()):
        previous = memos[-1].memo if memos else ""
        if not waiting or tried.solved:
            continue
        if tried.judged:
            reading = readings[reflected] if reflected < len(readings) else None
            reflected += 1
            memos.append(_rewritten(number, waiting.pop(), previous, reading))
        elif not memos and _template(waiting[-1]):
            memos.append(Rewritten(number, waiting.pop(), "", reflected=False, snapshot=None, call=None))
    if waiting:
        record.warn(f"{len(waiting)} memos are more than there were failures", "these are left out")
    return memos


def _rewritten(number: int, memo: str, previous: str, reading: PdiSnapshot | None) -> Rewritten:
    return Rewritten(number, memo, previous, reflected=True, snapshot=reading, call=None)


def _template(memo: str) -> bool:
    """Say whether a memo is what SPARK writes itself when there was no trial (SPARK, 2.2)."""
    return "### Next Strategy" in memo and "### Verified Facts" not in memo


def _attempts(
    told: SparkTrajectory | None, ending: SparkAttempts | None, warnings: Warnings
) -> dict[int, SparkAttempt]:
    attempts = dict(told.attempts) if told else {}
    for number, kept in (ending.attempts if ending else {}).items():
        known = attempts.get(number)
        if known is None:
            if told is not None:
                problem = f"attempt {number} is missing"
                warnings.add(SourceLocation(TRAJECTORY, None), problem, "what attempts.json holds of it is read")
            attempts[number] = kept
            continue
        if kept.status == "INFRA_ERROR":
            known = known._replace(summary=kept.summary, passed=kept.passed, total=kept.total)
        elif (known.reward, known.summary, known.commands) != (kept.reward, kept.summary, kept.commands):
            problem = f"attempt {number} is not what the trajectory says"
            warnings.add(SourceLocation(ATTEMPTS, None), problem, "the trajectory's stands")
        attempts[number] = known._replace(status=kept.status)
    return attempts


def _memos(told: SparkTrajectory | None, ending: SparkAttempts | None) -> list[Rewritten]:
    """Take the trajectory's memos, and of the others those after attempts it has none for."""
    memos = list(told.memos) if told else []
    known = {memo.attempt for memo in memos}
    others = {memo.attempt: memo for memo in (ending.memos if ending else [])}
    memos = [
        memo._replace(snapshot=others[memo.attempt].snapshot)
        if memo.reflected and memo.snapshot is None and memo.attempt in others
        else memo
        for memo in memos
    ]
    memos += [memo for number, memo in others.items() if number not in known]
    return sorted(memos, key=lambda memo: memo.attempt)
