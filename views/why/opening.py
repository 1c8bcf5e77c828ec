"""What a chain of causes comes to, in one paragraph: what was decided, when, by which rule, on what evidence."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple, assert_never

import msgspec

from engine.core.lineage import pages_of
from events.base import Recorded, Ref, StreamId
from events.integrity.seals import AnySeal, SealStanding, SignedSeal, extent, standing
from events.integrity.signing import PublicKey
from events.store.base import EventLog, Selection
from events.types.attempt import AttemptAbandoned, AttemptJudged
from events.types.run import RunImported, RunOpened
from events.types.session import SessionStarted
from events.types.skill import EvidenceGathered, SkillImported, SkillRefused, SkillRejected, SkillRevised
from events.types.training import CandidateMade, GateDecided, SkillAccepted
from events.types.trial import AttemptConcluded
from events.values import Outcome, Ratio
from replay.why.loader import Past
from replay.why.plain_values import plain, plain_name
from views.terminal.format import plural, reward, when
from views.why.rows import AgainRow, NodeRow
from views.why.sentences import sentences
from views.why.target import EventAddress

MOST_RULE: Final = 16
"""Settings that the paragraph names; the page below holds all."""

MOST_TEXT: Final = 60
"""Letters of the value of one of them."""
MOST_RECORD: Final = 200
"""The same of one that has settings of its own."""
_GATES: Final = frozenset({"gate.decided", "revision.ruled"})


class GivenSeal(NamedTuple):
    """A seal that the log is compared with."""

    seal: AnySeal | None
    """None: nobody gave one."""
    trusted: Collection[PublicKey]
    """Keys whose word counts; empty if nobody said."""


NO_SEAL: Final = GivenSeal(None, ())


async def opening(log: EventLog, place: EventAddress, nodes: Sequence[NodeRow], seal: GivenSeal) -> str:
    """Write the paragraph.

    Args:
        log: Which holds the run.
        place: The event that was asked for.
        nodes: Its chain, itself first.
        seal: What the log is compared with.
    """
    past = Past(log, place.run)
    recorded = await past.at(place.at)
    if recorded is None:
        return "The event that was asked for is not in the log."
    said = [
        *await _what(past, recorded),
        *_rule(_deciding(nodes)),
        *_rests(nodes),
        *await _version(past, recorded),
        await _sealed(log, recorded, seal),
    ]
    return " ".join(said)


async def _what(past: Past, recorded: Recorded) -> list[str]:
    """Say what happened, and on what evidence."""
    at = f"on {when(recorded.at)} UTC, in run {past.run}"
    told = await sentences(past, recorded, at)
    if told is not None:
        return told
    match recorded.event:
        case SkillRevised() as revised:
            return [
                f"Revision {revised.revision} of the skill {revised.skill} was accepted {at} ({_origin(revised)}).",
                *await _solved(past, recorded),
                *(f"Warning: {each.rstrip('.')}." for each in revised.warnings),
            ]
        case SkillAccepted() | GateDecided():
            return await _trained(past, recorded.event, at)
        case SkillRejected() as rejected:
            return [*_unaccepted(recorded, at), *await _rejecting(past, recorded, rejected)]
        case _:
            return _unaccepted(recorded, at)


async def _trained(past: Past, event: SkillAccepted | GateDecided, at: str) -> list[str]:
    """Say what became of a candidate of a training, and which gate ruled."""
    match event:
        case SkillAccepted() as accepted:
            what = f"Revision {accepted.revision} of the skill {accepted.skill} was accepted {at}"
            made = f"made at step {accepted.step} of epoch {accepted.epoch} from candidate {_ref(accepted.candidate)}"
            return [f"{what}; it was {made}.", *await _gate(past, accepted.gate)]
        case GateDecided() as ruled:
            candidate = await past.at(ruled.candidate)
            name = candidate.event.skill if candidate and isinstance(candidate.event, CandidateMade) else "the skill"
            words = {"accept": "accepted", "reject": "rejected"}.get(ruled.outcome, f"ruled on ({ruled.outcome})")
            return [f"A candidate of {name}, {_ref(ruled.candidate)}, was {words} {at}.", *_ruled(ruled)]
        case _:
            assert_never(event)


def _unaccepted(recorded: Recorded, at: str) -> list[str]:
    match recorded.event:
        case SkillRefused() as refused:
            return [f"No skill {refused.skill} was accepted {at}: {'; '.join(refused.problems) or 'no reason given'}."]
        case SkillRejected() as rejected:
            why = "; ".join(rejected.reasons)
            return [f"The candidate {_ref(rejected.candidate)} of the skill {rejected.skill} was rejected {at}: {why}."]
        case SkillImported() as imported:
            return [f"The skill {imported.skill} was imported {at}; nobody here accepted it, and nothing was verified."]
        case _:
            return _attempt(recorded, at)


def _attempt(recorded: Recorded, at: str) -> list[str]:
    match recorded.event:
        case AttemptConcluded(attempt, outcome, _, passed, total):
            trial = recorded.stream.name.partition("/")[2]
            return [f"Attempt {attempt} of trial {trial} was concluded {at}: {_outcome(outcome, passed, total)}."]
        case AttemptJudged(outcome, passed, total):
            return [f"The {_place(recorded)} was judged {at}: {_outcome(outcome, passed, total)}."]
        case AttemptAbandoned(reason, detail):
            return [f"The {_place(recorded)} was abandoned {at}: {reason.replace('_', ' ')}. {detail}".rstrip()]
        case _:
            tag = type(recorded.event).__struct_config__.tag
            return [f"The event {tag}, number {recorded.version} of stream {recorded.stream.name}, was recorded {at}."]


def _place(recorded: Recorded) -> str:
    return recorded.stream.name.replace("/", " ", 1)


def _ref(ref: Ref) -> str:
    return f"{ref.stream}@{ref.version}"


def _origin(revised: SkillRevised) -> str:
    library = "" if revised.library is None else f" for library {revised.library}"
    return f"{revised.origin or 'distilled'}{library}"


def _outcome(outcome: Outcome, passed: int, total: int) -> str:
    if outcome.reward is None:
        return f"{outcome.kind.replace('_', ' ')}, so it has no reward ({outcome.reason})"
    tests = f", {passed} of {total} tests passed" if total else ""
    return f"{outcome.kind}, reward {reward(outcome.reward)}{tests}"


async def _solved(past: Past, recorded: Recorded) -> list[str]:
    """Name the attempt whose success a skill was distilled from, with its verdict."""
    before = [each for each in await past.stream(recorded.stream.name) if each.version < recorded.version]
    gathered = next((each.event for each in reversed(before) if isinstance(each.event, EvidenceGathered)), None)
    if not isinstance(gathered, EvidenceGathered):
        return []
    for each in before:
        if isinstance(each.event, AttemptConcluded) and each.event.attempt == gathered.attempt:
            ended = each.event
            verdict = _outcome(ended.outcome, ended.passed, ended.total)
            return [f"Its evidence is attempt {ended.attempt}, judged on {when(each.at)} UTC: {verdict}."]
    return [f"Its evidence is attempt {gathered.attempt}, whose verdict is not on record."]


async def _rejecting(past: Past, recorded: Recorded, rejected: SkillRejected) -> list[str]:
    """Say which gate turned a candidate of a training down, and on which scores."""
    for each in reversed((await past.stream(recorded.stream.name))[: recorded.version]):
        if isinstance(each.event, GateDecided) and each.event.shadow is None:
            return _ruled(each.event) if each.event.candidate == rejected.candidate else []
    return []


async def _gate(past: Past, gate: Ref | None) -> list[str]:
    found = None if gate is None else await past.at(gate)
    if found is None or not isinstance(found.event, GateDecided):
        return ["No gate was asked."]
    return _ruled(found.event)


def _ruled(ruled: GateDecided) -> list[str]:
    """Say which gate ruled, why, and on which scores."""
    score = f"; the candidate scored {_percent(ruled.score)} over {plural(ruled.rows, 'row')}" if ruled.score else ""
    believed = f", and {_percent(ruled.believed)} is believed of the skill in force after it" if ruled.believed else ""
    return [f"The gate {ruled.gate} ruled: {ruled.reason or ruled.outcome}{score}{believed}."]


def _percent(share: Ratio) -> str:
    return f"{100 * float(share.exact):.1f} %"


def _deciding(nodes: Sequence[NodeRow]) -> NodeRow | None:
    """Find the decision that counts: the event's own, that of the gate that it followed, or another one it rests on.

    What stands deeper was decided of something else. None: nothing that the event itself rests on was a decision.
    """
    near = [each for each in nodes if each.decision is not None and each.parent in {None, 0}]
    found = [each for each in near if each.node == 0] + [each for each in near if each.tag in _GATES] + near
    return next(iter(found), None)


def _rule(node: NodeRow | None) -> Iterator[str]:
    """Say by which rule it was decided; where the event is no decision, by which the nearest one below it was."""
    if node is None or node.decision is None:
        return
    again: AgainRow = node.decision
    whose = f" by the policy of {again.policy}" if again.policy else ""
    revision = "" if again.revision is None else f", revision {again.revision}"
    what = "It was decided" if node.node == 0 else f"What it rests on ({node.id.partition(':')[2]}) was decided"
    shown = [(key, value) for key, value in again.rule.items() if value not in (None, [], {}, "")]
    settings = ", ".join(f"{plain_name(key)} {_short(key, value)}" for key, value in shown[:MOST_RULE])
    more = f" and {len(shown) - MOST_RULE} more" if len(shown) > MOST_RULE else ""
    yield f"{what} at the point {again.point}{revision}{whose}" + (f", under {settings}{more}." if shown else ".")
    match again.agrees:
        case True:
            yield "Re-evaluated from its recorded inputs it comes out the same."
        case False:
            yield f"Re-evaluated from its recorded inputs it differs in {', '.join(again.differences)}."
        case None:
            yield f"It was not re-evaluated: {again.note or 'its inputs are not on record'}."
        case _:
            assert_never(again.agrees)


def _short(name: str, value: object) -> str:
    record = _record_in(value)
    most = MOST_TEXT if record is None else MOST_RECORD
    text = " ".join(plain(name, value if record is None else record).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _record_in(value: object) -> dict[str, object] | None:
    """Read settings that are kept as the text of a JSON object. None: it is anything else."""
    if not isinstance(value, str) or not value.startswith("{"):
        return None
    try:
        return msgspec.json.decode(value, type=dict[str, object])
    except msgspec.DecodeError:
        return None


def _rests(nodes: Sequence[NodeRow]) -> Iterator[str]:
    """Count what it rests on, as far as the page shows it."""
    below = list(dict.fromkeys(each.id for each in nodes[1:] if each.kind in {"event", "blob"}))
    texts = sum(each.startswith("blob:") for each in below)
    if below:
        yield f"Below it stand {plural(len(below) - texts, 'event')} and {plural(texts, 'text')}."


async def _version(past: Past, recorded: Recorded) -> list[str]:
    """Say which version of stillroom was at work, and whether a script stood in for a model."""
    opened = await past.opening()
    if opened is not None and isinstance(opened.event, RunImported):
        return [f"The run was imported from {opened.event.source}: nothing in it was verified by stillroom."]
    package = opened.event.package if opened is not None and isinstance(opened.event, RunOpened) else None
    sessions = Selection(stream=StreamId(past.run, "session"), tags={"session.started"})
    async for page in pages_of(past.log, sessions):
        for each in page:
            if isinstance(each.event, SessionStarted) and each.position <= recorded.position:
                package = each.event.package
    said = [f"Stillroom {package} was at work." if package else "Which version was at work is not on record."]
    if opened is not None and isinstance(opened.event, RunOpened) and opened.event.scripted:
        said.append("A script stood in for a model: its answers are canned.")
    return said


async def _sealed(log: EventLog, recorded: Recorded, given: GivenSeal) -> str:
    """Say what a seal shows of it."""
    place = f"It is event {recorded.position:,} of the log, which is"
    if given.seal is None:
        return f"{place} unsealed as far as was said: no seal was given (--seal), so the log vouches for itself alone."
    found, worth = extent(given.seal), standing(given.seal, given.trusted)
    if worth is SealStanding.FORGED:
        return f"{place} not sealed: the signature of the seal that was given does not fit."
    named = [each.digest async for each in log.read(Selection(after=found.count - 1, until=found.count))]
    if named != [found.head]:
        return f"{place} not what was sealed: event {found.count:,} is missing or has another digest than the seal."
    if recorded.position > found.count:
        return f"{place} sealed up to event {found.count:,}, before this one was recorded."
    return (
        f"{place} sealed up to event {found.count:,}{_signed(given.seal, worth)}; that event has the digest that the "
        "seal names, and `stillroom log verify --seal` hashes everything up to it."
    )


def _signed(seal: AnySeal, worth: SealStanding) -> str:
    if not isinstance(seal, SignedSeal):
        return ", unsigned" + (", though a key was to sign it" if worth is SealStanding.UNTRUSTED else "")
    trust = {
        SealStanding.TRUSTED: "a trusted key",
        SealStanding.UNTRUSTED: "a key that is not trusted",
    }.get(worth, "a key that nobody named as trusted")
    return f", signed on {when(seal.at)} UTC by {trust}, {seal.key[:16]}…"
