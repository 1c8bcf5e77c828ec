"""What SkillOpt's output folder says of the ends of epochs: without it, its trainer goes through them again.

It starts from the first epoch when it goes on, and does what it finds no result of: it would put guidance of epoch 1
into the skill of the last step, and write that over the skill of epoch 1.
"""

from collections.abc import Mapping
from typing import Any

from engine.policies.edits.markers import SLOW_UPDATE
from events.store.base import EventLog
from events.values import NamedDigest
from projections.training.measures import MeasuredCell, cells_of, reward_of, share_of
from projections.training.state import CandidateRecord, TrainedRun


async def epoch_end_files(log: EventLog, run: TrainedRun) -> dict[str, dict[str, Any] | bytes]:
    """Give what the ends of epochs came to, by path: JSON objects, and documents as they are.

    An epoch has ended if another one has begun, or the run has ended.
    """
    files: dict[str, dict[str, Any] | bytes] = {}
    last = max((each.epoch for each in run.steps), default=0)
    for epoch in range(1, last + 1 if run.closed is not None else last):
        at = f"slow_update/epoch_{epoch:02d}"
        candidate = run.candidate(f"e{epoch}.slow")
        if candidate is None:
            files[f"{at}/slow_result.json"] = _without_guidance(epoch)
        else:
            document = await _document(log, candidate.files)
            files[f"{at}/candidate_skill.md"] = document
            files[f"{at}/slow_result.json"] = _guided(run, candidate, document.decode("utf-8", "replace"))
        files[f"meta_skill/epoch_{epoch:02d}/meta_skill_result.json"] = await _remembered(log, run, epoch)
    return files


async def _document(log: EventLog, files: tuple[NamedDigest, ...]) -> bytes:
    return await log.get(files[0].digest) if files else b""


def _without_guidance(epoch: int) -> dict[str, Any]:
    """Say that nothing was written. At the end of the first epoch SkillOpt calls that a placeholder."""
    return {"action": "inject_placeholder", "epoch": epoch} if epoch == 1 else {"action": "no_content"}


def _guided(run: TrainedRun, candidate: CandidateRecord, text: str) -> dict[str, Any]:
    between = text.partition(SLOW_UPDATE.start)[2].partition(SLOW_UPDATE.end)[0].strip()
    told: dict[str, Any] = {"reasoning": "", "slow_update_content": between, "action": _action(run, candidate)}
    told |= {f"{name}_hard": _share(run, candidate.epoch, name) for name in ("prev", "curr")}
    told["candidate_hash"] = candidate.files[0].digest[:16] if candidate.files else None
    if candidate.gates:
        cells = _flat(cells_of(run, candidate.passes))
        hard, soft = share_of(cells), reward_of(cells)
        told["selection_hard"] = None if hard is None else float(hard)
        told["selection_soft"] = None if soft is None else float(soft)
    return told


def _share(run: TrainedRun, epoch: int, name: str) -> float | None:
    """Give the share of items that a skill solved, of those that it was compared on."""
    begin = f"e{epoch}.slow.{'before' if name == 'prev' else 'after'}"
    labels = [each.label for each in run.passes if each.label.startswith(begin)]
    share = share_of(_flat(cells_of(run, labels)))
    return None if share is None else float(share)


def _flat(cells: Mapping[str, list[MeasuredCell]]) -> list[MeasuredCell]:
    return [cell for found in cells.values() for cell in found]


def _action(run: TrainedRun, candidate: CandidateRecord) -> str:
    if candidate.standing == "accepted":
        best = any(each.best and each.revision == candidate.revision for each in run.revisions)
        return "force_accept" if not candidate.gates else "accept_new_best" if best else "accept"
    return "reject" if candidate.standing == "rejected" else "skip_undecided"


async def _remembered(log: EventLog, run: TrainedRun, epoch: int) -> dict[str, Any]:
    found = [each for each in run.meta if each.epoch == epoch and each.text is not None]
    if found and found[-1].text is not None:
        text = (await log.get(found[-1].text)).decode("utf-8", "replace")
        return {"reasoning": "", "meta_skill_content": text, "action": "write_meta_skill"}
    return {"action": "skip_first_epoch", "epoch": epoch} if epoch == 1 else {"action": "no_content"}
