"""Names of streams: made here, and read here. A name says what its actor is, relative to the run."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

RUN: Final = "run"
"""What a run as a whole records."""
TRIAL: Final = "trial"
ATTEMPT: Final = "attempt"
CALL: Final = "call"
"""Families of streams that belong to trials."""
ITEM: Final = "item"
"""Items that are rolled out and scored, one stream for each item, condition and repeat."""
CELL: Final = "cell"
"""Family of the cells of an evaluation."""
TRAIN: Final = "train"
"""What the actor that trains a skill records."""
REFLECT: Final = "reflect"
MERGE: Final = "merge"
RANK: Final = "rank"
RATE: Final = "rate"
REWRITE: Final = "rewrite"
SLOW: Final = "slow"
META: Final = "meta"
APPENDIX: Final = "appendix"
"""Families of the optimizer's work, one stream for each thing that it is asked."""
OPTIMIZER: Final = frozenset({REFLECT, MERGE, RANK, RATE, REWRITE, SLOW, META, APPENDIX})
"""All of them."""
LIBRARY: Final = "library"
"""Libraries that are learnt, one stream for each."""
AUTHOR: Final = "author"
"""Questions to whoever writes skills."""
RETRIEVE: Final = "retrieve"
"""Questions to a model that chooses skills."""
PROOF: Final = "proof"
"""Proofs of tasks, one stream for each."""
CONSTRUCT: Final = "construct"
"""Constructions of tasks, one stream for each."""
ParentOf: TypeAlias = Callable[[str], str | None]
"""Names the stream whose actor began a stream. None: it is the run's own."""
_BELOW_TRIAL: Final = {TRIAL: 0, ATTEMPT: 1, CALL: 2}
"""Parts of a name behind the trial's, by family. A trial's own name may hold slashes."""


_NUMBER: Final = re.compile("[0-9]{1,9}")
"""Of an attempt. A stream of a stranger may be called anything."""


def family_of(stream: str) -> str:
    """Give the family of a stream: the first part of its name, such as ``trial``."""
    return stream.partition("/")[0]


def trial_stream(trial: str) -> str:
    """Name the stream of a trial."""
    return f"{TRIAL}/{trial}"


def attempt_stream(trial: str, attempt: int) -> str:
    """Name the stream of an attempt, counted as its trial counts."""
    return f"{ATTEMPT}/{trial}/{attempt}"


def cell_stream(cell: str) -> str:
    """Name the stream of a cell: arm, item and repeat."""
    return f"{CELL}/{cell}"


def cell_name(arm: str, item: str, repeat: int) -> str:
    """Name a cell, and what is rolled out in it. The name of an arm holds no slash."""
    return f"{arm}/{item}/{repeat}"


def arm_of_cell(name: str) -> str:
    """Name the arm that a cell belongs to."""
    return name.partition("/")[0]


def item_of_cell(name: str) -> str | None:
    """Name the item that a cell of a task is about. None: the cell is a question's, which has no part for it."""
    _, _, place = name.partition("/")
    item, _, repeat = place.rpartition("/")
    return item if _NUMBER.fullmatch(repeat) else None


def item_of(stream: str) -> str | None:
    """Name the task of a cell, of its trial, and of all below that. None: the stream is of none."""
    cell = stream.partition("/")[2] if family_of(stream) == CELL else trial_of(stream)
    return None if cell is None else item_of_cell(cell)


def calls_below(attempt: str) -> str:
    """Give what the streams of calls begin with that an installed agent makes in the attempt of a stream."""
    return f"{CALL}/{attempt.removeprefix(ATTEMPT + '/')}/"


def item_cell(item_set: str, item: str, repeat: int, arm: str = "") -> str:
    """Name an item under one condition, once: what its stream and its account are called.

    Args:
        item_set: What the set is called.
        item: Its name within the set.
        repeat: From 1.
        arm: Name of the condition. Empty: the run has just one.
    """
    cell = f"{item_set}.{item}.{repeat}"
    return f"{arm}/{cell}" if arm else cell


def item_stream(cell: str) -> str:
    """Name the stream of an item under one condition."""
    return f"{ITEM}/{cell}"


def item_cell_of(stream: str) -> str | None:
    """Name the item, condition and repeat that a stream is of, as `item_cell` does. None: it is of none."""
    family, _, cell = stream.partition("/")
    return cell if family == ITEM and cell else None


def is_item_attempt(stream: str) -> bool:
    """Say whether a stream is that of an attempt at an item of an evaluation, and not at one of its tasks.

    The name of an item's cell ends in ``.<repeat>``, and that of a task's in ``/<repeat>``.
    """
    trial = trial_of(stream) if is_attempt(stream) else None
    return trial is not None and not _NUMBER.fullmatch(trial.rpartition("/")[2])


def train_label(step: int, what: str, part: int | None = None) -> str:
    """Name the cells of a step that are begun together, such as ``s3.rollout``; in names of cells it stands for an arm.

    Args:
        step: From 1, over all epochs.
        what: Such as ``rollout`` or ``gate``.
        part: Of a step that accumulates batches, from 0. None: there is just one.
    """
    return f"s{step}.{what}" if part is None else f"s{step}.{what}.{part}"


def epoch_label(epoch: int, what: str) -> str:
    """Name the cells at the end of an epoch that are begun together, such as ``e2.slow.before``."""
    return f"e{epoch}.{what}"


def again_label(label: str, time: int) -> str:
    """Name the same cells where they are begun again, since the infrastructure failed; `time` is from 1."""
    return label if time == 1 else f"{label}~{time}"


def first_label(label: str) -> str:
    """Give the label under which cells, or whatever else is begun again, began first."""
    return label.partition("~")[0]


def reflect_stream(step: int, part: int, kind: str, number: int) -> str:
    """Name a reflection on a minibatch.

    Args:
        step: From 1.
        part: Of the step's batches, from 0.
        kind: ``fail`` or ``succ``.
        number: Of the minibatch, from 0.
    """
    return f"{REFLECT}/{step}.{part}.{kind}.{number}"


def merge_stream(step: int, side: str, level: int, number: int) -> str:
    """Name a merge: of ``fail``, ``succ`` or ``final``, at a level from 1, of a group from 0."""
    return f"{MERGE}/{step}.{side}.{level}.{number}"


def of_step(family: str, step: int) -> str:
    """Name what the optimizer is asked once in a step, or once in an epoch: a rank, a rate, a text."""
    return f"{family}/{step}"


_LABEL: Final = re.compile(
    r"(?P<course>(?P<arm>[A-Za-z0-9_-]+)(?:\.r(?P<repeat>[0-9]{1,9}))?)\.(?P<scope>[A-Za-z0-9_-]+)"
    r"(?:\.(?P<what>[^~/]+))?(?:~[0-9]+)?"
)
"""Of cells that belong to a library. A scope is never called ``r`` and a number."""


class LibraryLabel(NamedTuple):
    """What the label of cells says that belong to a library."""

    course: str
    arm: str
    repeat: int
    """From 1."""
    scope: str
    what: str
    """``replay``, ``oracle``, ``gate1`` and so on. Empty: trials that count."""


def course_name(arm: str, repeat: int) -> str:
    """Name an arm that is gone through once; `repeat` is from 1."""
    return arm if repeat == 1 else f"{arm}.r{repeat}"


def library_stream(course: str, scope: str) -> str:
    """Name the stream of a library."""
    return f"{LIBRARY}/{course}/{scope}"


def library_label(course: str, scope: str, what: str = "") -> str:
    """Name cells of a library that are begun together, such as ``curated.E1.replay``.

    Args:
        course: As `course_name` gives it.
        scope: An environment, a family or ``global``.
        what: As in `LibraryLabel`.
    """
    return ".".join(filter(None, (course, scope, what)))


def read_library_label(label: str) -> LibraryLabel | None:
    """Read a label back. None: it is of no library."""
    found = _LABEL.fullmatch(label)
    if found is None:
        return None
    return LibraryLabel(found["course"], found["arm"], int(found["repeat"] or 1), found["scope"], found["what"] or "")


def author_stream(course: str, scope: str, name: str) -> str:
    """Name a question to the author: about a task, or of a first draft about a family."""
    return f"{AUTHOR}/{course}/{scope}/{name}"


def retrieve_stream(course: str, scope: str, task: str, what: str = "") -> str:
    """Name a question to a model that chooses skills for a task; `what` is as in `LibraryLabel`."""
    return f"{RETRIEVE}/{course}/{scope}/{task}" + (f".{what}" if what else "")


def library_of(stream: str) -> str | None:
    """Name the library whose actor began a cell, or a question to an author or a chooser. None: it is of none."""
    family, _, place = stream.partition("/")
    if family in {AUTHOR, RETRIEVE}:
        course, _, rest = place.partition("/")
        return library_stream(course, rest.partition("/")[0])
    label = read_library_label(arm_of_cell(place)) if family == CELL else None
    return None if label is None else library_stream(label.course, label.scope)


_PROOF_TRIAL: Final = re.compile(r"(?P<task>.+)\.(?P<kind>oracle|nop|cheat)\.(?P<number>[0-9]{1,9})", re.DOTALL)


class ProofTrial(NamedTuple):
    """What the name of a trial says that is part of a proof."""

    task: str
    kind: str
    """``oracle``, ``nop`` or ``cheat``."""
    number: int
    """From 1."""

    @property
    def name(self) -> str:
        """The trial's name."""
        return f"{self.task}.{self.kind}.{self.number}"


def proof_stream(task: str) -> str:
    """Name the stream of the proof of a task."""
    return f"{PROOF}/{task}"


def construct_stream(name: str) -> str:
    """Name the stream of the construction of a task."""
    return f"{CONSTRUCT}/{name}"


def read_proof_trial(trial: str) -> ProofTrial | None:
    """Read the name of a trial that may be part of a proof. None: it is none."""
    found = _PROOF_TRIAL.fullmatch(trial)
    return None if found is None else ProofTrial(found["task"], found["kind"], int(found["number"]))


def is_trial(stream: str) -> bool:
    """Say whether a stream is a trial's."""
    return stream.startswith(TRIAL + "/")


def is_attempt(stream: str) -> bool:
    """Say whether a stream is an attempt's."""
    return stream.startswith(ATTEMPT + "/")


def trial_of(stream: str) -> str | None:
    """Name the trial that a stream belongs to. None: it belongs to none."""
    family, _, place = stream.partition("/")
    below = _BELOW_TRIAL.get(family)
    if below is None or not place:
        return None
    return place.rsplit("/", below)[0]


def attempt_of(stream: str) -> int | None:
    """Give the number of the attempt that a stream is of. None: it is of none."""
    if not is_attempt(stream):
        return None
    number = stream.rpartition("/")[2]
    return int(number) if _NUMBER.fullmatch(number) else None


def parent_of(stream: str) -> str | None:
    """Name the stream whose actor began this one. None: it is the run's own.

    Families that are not known here hang below the run.
    """
    family, _, place = stream.partition("/")
    if stream == RUN:
        return None
    if family == ATTEMPT:
        return trial_stream(place.rpartition("/")[0])
    if family == CALL:
        return f"{ATTEMPT}/{place.rpartition('/')[0]}"
    return RUN


def thread_of(stream: str, parents: ParentOf = parent_of) -> str:
    """Name the topmost stream below the run's own that a stream hangs from; the run's own is its own thread."""
    parent = parents(stream)
    while parent is not None and parent != RUN:
        stream, parent = parent, parents(parent)
    return stream
