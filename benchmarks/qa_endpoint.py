"""An endpoint for `benchmarks.train_qa`: both models of a training, answering after a fixed time and by a rule.

The target knows which herb a ledger names first for eight items in twenty, and for one more with each rule that the
request holds, up to eight. The optimizer proposes rules that the document does not hold yet. Whose request it is stands
in its first lines, as ``Stage: NAME``; a request of the target has none. Both trainers so get the same answers to the
same questions: what differs is how they word them.

    python -m benchmarks.qa_endpoint LATENCY_S

It prints its address, serves until its input ends, and then prints how many calls each stage made.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import anyio
import msgspec
from aiohttp import web

HERBS: Final = (
    *("agrimony", "betony", "comfrey", "dill", "elder", "fennel"),
    *("hyssop", "lovage", "mallow", "nettle", "orris", "sorrel"),
)
_STAGE: Final = re.compile(r"\bStage: ([a-z ]+)")
_ROOM: Final = re.compile(r"first in the ledger of room (\d+)\?")
_RULE: Final = re.compile(r"Rule ([A-Z]):")
_DOCUMENT: Final = re.compile(r"^#{1,2} (?:The document|Current Skill)\n(.*?)^#{1,2} ", re.MULTILINE | re.DOTALL)
_LISTED: Final = re.compile(r"- Rule [A-Z]: [^\"\n]*?\.(?=\"|$|\\)", re.MULTILINE)
_LETTERS: Final = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
_KNOWN: Final = 8
"""Items in twenty that need no rule, and rules that help."""
_SMALL: Final = 1 << 24
"""Bytes of a request."""


def herb(room: int) -> str:
    """Give what is expected for an item."""
    return HERBS[room % len(HERBS)]


def rule(letter: str) -> str:
    """Word a rule, at the length that rules have."""
    return (
        f"- Rule {letter}: when a question asks what a ledger of kind {letter} names first, read the page whose title "
        "is that ledger, take the first name after the word first, and answer with this one word alone."
    )


def answer(text: str) -> str:
    """Answer a request, by its messages put together."""
    stage = _STAGE.search(text, 0, 2000)
    return _named(text) if stage is None else json.dumps(_proposed(stage[1].strip(), text))


def _named(text: str) -> str:
    found = _ROOM.search(text)
    if found is None:
        return "<answer>unknown</answer>"
    room, rules = int(found[1]), len(set(_RULE.findall(text)))
    right = room * 7 % 20 < _KNOWN + min(rules, _KNOWN)
    return f"The page of that ledger says so. <answer>{herb(room if right else room + 1)}</answer>"


def _proposed(stage: str, text: str) -> dict[str, Any]:
    return _ANSWERS[stage](text) if stage in _ANSWERS else {}


def _document(text: str) -> str:
    """Give the document that is worked on, or nothing."""
    found = _DOCUMENT.search(text)
    return "" if found is None else found[1]


def _next(text: str, *, first: int, count: int) -> list[dict[str, Any]]:
    """Propose rules after those that stand in the document."""
    there = len(set(_RULE.findall(_document(text)))) + first
    letters = (_LETTERS[(there + place) % len(_LETTERS)] for place in range(count))
    return [{"op": "append", "content": rule(letter), "target": ""} for letter in letters]


def _analysed(text: str, *, first: int, count: int) -> dict[str, Any]:
    """Answer in the form of both: ours is an object with edits, theirs holds them in a patch."""
    edits = _next(text, first=first, count=count)
    kinds = [{"failure_type": "wrong herb", "type": "wrong herb", "count": 8, "description": "another name is taken"}]
    body = {"reasoning": "The rule is missing.", "edits": edits}
    return {"batch_size": 8, "failure_summary": kinds, "findings": kinds, "patch": body, "edits": edits}


def _merged(text: str) -> dict[str, Any]:
    standing = _document(text)
    kept = [each for each in dict.fromkeys(_LISTED.findall(text)) if each not in standing][:6]
    edits = [{"op": "append", "content": each, "target": "", "support_count": 8} for each in kept]
    return {"reasoning": "Each is kept once.", "edits": edits}


def _ranked(text: str) -> dict[str, Any]:
    del text
    return {"reasoning": "The first ones matter most.", "selected_indices": [0, 1, 2, 3]}


def _advised(text: str) -> dict[str, Any]:
    del text
    said = "Read the page before you answer, and answer with one word."
    return {"reasoning": "It held.", "guidance": said, "slow_update_content": said}


def _noted(text: str) -> dict[str, Any]:
    del text
    said = "- Rules that name a page helped."
    return {"reasoning": "They did.", "notes": said, "meta_skill_content": said}


_ANSWERS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = MappingProxyType(
    {
        "reflect failures": partial(_analysed, first=0, count=4),
        "reflect successes": partial(_analysed, first=4, count=2),
        "merge": _merged,
        "rank": _ranked,
        "slow update": _advised,
        "meta skill": _noted,
    }
)


class QuestionEndpoint:
    """Answers over OpenAI's chat protocol, each call after the same time."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self.calls: Counter[str] = Counter()

    async def complete(self, request: web.Request) -> web.Response:
        """Answer one."""
        body = msgspec.json.decode(await request.read())
        text = "\n".join(str(each["content"]) for each in body["messages"])
        stage = _STAGE.search(text, 0, 2000)
        self.calls["rollout" if stage is None else stage[1].strip()] += 1
        said = answer(text)
        await anyio.sleep(self._latency_s)
        usage = {"prompt_tokens": len(text) // 4, "completion_tokens": len(said) // 4}
        usage["total_tokens"] = sum(usage.values())
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        whole = {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice]}
        return web.Response(body=msgspec.json.encode({**whole, "usage": usage}), content_type="application/json")


async def serve(latency_s: float) -> None:
    """Serve on any free port until the input ends."""
    async with AsyncExitStack() as stack:
        endpoint = QuestionEndpoint(latency_s)
        app = web.Application(client_max_size=_SMALL)
        app.router.add_post("/v1/chat/completions", endpoint.complete)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        host, port = runner.addresses[0][:2]
        print(json.dumps({"base_url": f"http://{host}:{port}/v1"}), flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)
        print(json.dumps(endpoint.calls), flush=True)


if __name__ == "__main__":
    anyio.run(serve, float(sys.argv[1]))
