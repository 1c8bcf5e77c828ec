"""A skill folder as a document: what edits see of it, and the files that it is written back to; pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from engine.policies.skill.split import SplitFault, split_skill
from events.digest import Digest, Fingerprint
from events.types.condition import SkillRef
from events.values import NamedDigest
from projections.library import folder_digest

HEAD: Final = "SKILL.md"
"""The file whose body is the document; its front matter is out of reach of edits."""


def texts_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Give what edits see: text by path, of ``SKILL.md`` its body. Files that are no text are left out."""
    texts: dict[str, str] = {}
    for path, data in files.items():
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        texts[path] = body_of(text) if path == HEAD else text
    return texts


def body_of(text: str) -> str:
    """Give the body of a ``SKILL.md``; all of it, where there is no front matter."""
    parts = split_skill(text)
    return text if isinstance(parts, SplitFault) else parts.body.removeprefix("\n")


def written_back(before: Mapping[str, bytes], texts: Mapping[str, str], front: str) -> dict[str, bytes]:
    """Write a document back to its files: those that no edit changed keep their bytes.

    Args:
        before: The files that the document was read from. Empty: there were none.
        texts: The document now.
        front: YAML of a ``SKILL.md`` where there was none.
    """
    seen = texts_of(before)
    files = dict(before)
    for path, text in texts.items():
        if seen.get(path) != text:
            files[path] = (_with_front(before.get(path), text, front) if path == HEAD else text).encode()
    return files


def _with_front(before: bytes | None, body: str, front: str) -> str:
    parts = None if before is None else split_skill(before.decode())
    if parts is not None and isinstance(parts, SplitFault):
        return body
    return f"---\n{front if parts is None else parts.front}\n---\n\n{body}"


def front_of(name: str, description: str) -> str:
    """Write the front matter of a skill that begins empty."""
    return f"name: {name}\ndescription: {_scalar(description)}"


def _scalar(text: str) -> str:
    """Write a text as a YAML scalar in double quotes, on one line."""
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def named_files(files: Mapping[str, bytes], put: Callable[[bytes], Digest]) -> tuple[NamedDigest, ...]:
    """Keep the files of a folder, and name them, ``SKILL.md`` first."""
    return tuple(NamedDigest(path, put(files[path])) for path in sorted(files, key=lambda each: (each != HEAD, each)))


def digest_of_skill(files: Sequence[NamedDigest]) -> Fingerprint | None:
    """Digest of a skill's folder. None: there is no skill."""
    return folder_digest(tuple(files)) if files else None


def files_of_ref(ref: SkillRef) -> tuple[NamedDigest, ...]:
    """Give the files of a skill that a condition names, ``SKILL.md`` first."""
    return tuple(sorted(ref.files, key=lambda each: (each.name != HEAD, each.name)))
