"""A model that is a folder: requests are files in it, and whoever is there, a person or a program, answers by files.

``requests/ID.json`` holds a request, ``requests/ID.md`` the same to read. The answer is ``answers/ID.md``, whose text
is what the model says, or ``answers/ID.json``, a message as chat completions have it. The log holds both from then on,
and the request is removed; answers stay where they are.
"""

import json
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import Any, Final, NamedTuple

import anyio
from anyio import to_thread

from engine.core.gathering import ActorsHeldBack
from engine.core.ports import EffectAddress
from engine.protocols.chat import Chat
from engine.protocols.errors import FailedCallFacts, ProviderError
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.providers.base import Gate, body_of

_FIRST_LOOK_S: Final = 0.05
_LONGEST_LOOK_S: Final = 2.0
"""Seconds between two looks into the folder; each wait is twice as long as the one before."""
_OK: Final = 200
Redact = Callable[[bytes], bytes]


class AnswerPlace(NamedTuple):
    """One request, at its place in the log."""

    id: str
    """Says nothing but the place: a run that is resumed asks for the same file."""
    told: Mapping[str, Any]


class AnswerFolder:
    """Writes requests into a folder, and waits for their answers."""

    def __init__(self, folder: Path, wait_s: float, redact: Redact) -> None:
        """Say where, and how long.

        Args:
            folder: Made if it is not there.
            wait_s: Seconds without any answer after which the run lets go; a resume waits again.
            redact: Takes known secrets out of what is written.
        """
        self._folder = folder
        self._wait_s = wait_s
        self._redact = redact
        self._taken_at = 0.0

    def at(self, place: EffectAddress) -> "PlacedAnswer":
        """Give what answers the request of one place."""
        named = sha256(f"{place.run}\n{place.stream}\n{place.version}".encode()).hexdigest()[:12]
        return PlacedAnswer(self, AnswerPlace(named, {"run": place.run, "at": f"{place.stream}@{place.version}"}))

    async def answer(self, placed: AnswerPlace, request: ChatRequest) -> ChatReply:
        """Write a request, and wait until it is answered.

        Raises:
            ActorsHeldBack: Nobody answered anything for as long as was to be waited: the run ends here for now.
        """
        await to_thread.run_sync(self._write, placed, request)
        began, pause_s, before = anyio.current_time(), _FIRST_LOOK_S, None
        while True:
            found = await to_thread.run_sync(self._look, placed.id)
            if found is not None and found == before:
                reply = await to_thread.run_sync(self._read, placed.id, found, request.model)
                if reply is not None:
                    self._taken_at = anyio.current_time()
                    return reply
            # What was there at the look before, and is the same, is whole; what is new is looked at once more.
            if found == before and anyio.current_time() - max(began, self._taken_at) >= self._wait_s:
                await to_thread.run_sync(self._tell_strangers)
                raise ActorsHeldBack([placed.told["at"]], {})
            pause_s = _FIRST_LOOK_S if found != before else min(pause_s * 2, _LONGEST_LOOK_S)
            before = found
            await anyio.sleep(pause_s)

    def _write(self, placed: AnswerPlace, request: ChatRequest) -> None:
        for each in ("requests", "answers", "problems"):
            (self._folder / each).mkdir(parents=True, exist_ok=True)
        body = json.loads(body_of(request))
        answers = [f"answers/{placed.id}.md", f"answers/{placed.id}.json"]
        told = {"id": placed.id, **placed.told, "answer": answers, "request": body}
        self._put(f"requests/{placed.id}.md", _readable(told).encode("utf-8", "replace"))
        self._put(f"requests/{placed.id}.json", json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n")

    def _put(self, name: str, data: bytes) -> None:
        """Write a file that is whole from the moment it has its name."""
        path = self._folder / name
        # Two that wait may write the same file at the same moment, in two threads or in two processes.
        unfinished = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.unfinished")
        unfinished.write_bytes(self._redact(data))
        unfinished.replace(path)

    def _look(self, named: str) -> tuple[str, int, int, int] | None:
        """Say which answer is there, and in which state. None: there is none, or it is empty."""
        for name in (f"{named}.json", f"{named}.md"):
            try:
                seen = (self._folder / "answers" / name).stat()
            except OSError:
                continue
            if seen.st_size:
                return name, seen.st_ino, seen.st_size, seen.st_mtime_ns
        return None

    def _read(self, named: str, found: tuple[str, int, int, int], model: str) -> ChatReply | None:
        """Read an answer. None: it is none; what is wrong with it is written beside, and it stays."""
        problem = self._folder / "problems" / f"{found[0]}.txt"
        try:
            data = (self._folder / "answers" / found[0]).read_bytes()
            raw = _completion(data, model, is_message=found[0].endswith(".json"))
            reply = Chat().read(raw, FailedCallFacts(status=_OK, raw=raw))
        except (OSError, TypeError, ValueError, ProviderError) as error:
            if not problem.exists() or _told(error) != problem.read_text(encoding="utf-8"):
                self._put(f"problems/{problem.name}", _told(error).encode())
            return None
        for old in (problem, *((self._folder / "requests" / f"{named}{end}") for end in (".json", ".md"))):
            old.unlink(missing_ok=True)
        return reply

    def _tell_strangers(self) -> None:
        """Say of answers without a request why nobody takes them."""
        asked = {path.stem for path in (self._folder / "requests").glob("*.json")}
        for path in (self._folder / "answers").iterdir():
            if path.suffix not in {".md", ".json"}:
                self._put(f"problems/{path.name}.txt", b"an answer is named ID.md or ID.json; rename it\n")
            elif path.stem not in asked:
                waiting = ", ".join(sorted(asked)) or "none"
                told = f"no request with this id waits; it was answered, or the name is wrong. Waiting: {waiting}\n"
                self._put(f"problems/{path.name}.txt", told.encode())


class PlacedAnswer:
    """Answers the request of one place by files; see `ChatProvider`."""

    def __init__(self, folder: AnswerFolder, placed: AnswerPlace) -> None:
        self._folder = folder
        self._placed = placed

    async def complete(self, request: ChatRequest, gate: Gate) -> ChatReply:
        """Wait for the answer. The gate is left out: whoever answers says how many at once."""
        del gate
        return await self._folder.answer(self._placed, request)


def _completion(data: bytes, model: str, *, is_message: bool) -> bytes:
    """Put an answer into the form that a reader of chat completions takes; usage is there only if it says it.

    Raises:
        ValueError: It is not UTF-8, or no message.
    """
    message: Any = json.loads(data) if is_message else {"content": data.decode("utf-8").strip()}
    if not isinstance(message, dict):
        raise TypeError('the answer is no JSON object; write a message: {"content": "…"}')
    if "choices" not in message:
        if not (message.get("content") or message.get("tool_calls")):
            raise ValueError('the answer has neither content nor tool_calls; write {"content": "…"}')
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        said = {"role": "assistant", "content": None, **message}
        message = {"model": model, "choices": [{"index": 0, "message": said, "finish_reason": finish}]}
    return json.dumps(message, ensure_ascii=False).encode()


def _told(error: Exception) -> str:
    return f"this answer cannot be read: {error}. Write it again; the run waits.\n"


def _readable(told: Mapping[str, Any]) -> str:
    """Write a request for people."""
    request = told["request"]
    parts = [f"# Request {told['id']}\n\nOf {told['run']}, {told['at']}. Answer: `{told['answer'][0]}`\n"]
    for message in request.get("messages", ()):
        content = message.get("content")
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
        calls = json.dumps(message["tool_calls"], ensure_ascii=False, indent=2) if message.get("tool_calls") else ""
        parts.append(f"## {message.get('role')}\n\n{text or ''}\n{calls}\n")
    tools = [each.get("function", {}).get("name") for each in request.get("tools", ())]
    if tools:
        parts.append(f"Tools: {', '.join(map(str, tools))} (call them in a JSON answer: `{told['answer'][1]}`)\n")
    return "\n".join(parts)
