"""Seals and keys as a person handles them: one line of text, and files of their own."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.bundle.format import is_digest
from events.digest import Digest
from events.errors import KeyUnusable
from events.integrity.seals import AnySeal, SignedSeal
from events.integrity.signing import PublicKey, SecretKey, is_public, make_key, parse_public, parse_secret
from events.store.chain import SEAL_FORMAT, Seal
from views.terminal.errors import UsageWrong
from views.terminal.tables import RecordView

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""What nobody but the owner of a secret key's file may be allowed."""


class SealRow(msgspec.Struct, frozen=True):
    """A seal, to be kept elsewhere."""

    format: int
    count: int
    head: str
    root: str | None = None
    """Of the Merkle tree over the digests of all events, by which bundles are proved. None: a seal of format 1."""
    at: int | None = None
    """When it was signed: microseconds since 1970, UTC. None: it is not signed."""
    key: str | None = None
    """Public key of who signed it."""
    signature: str | None = None
    """Ed25519, in hexadecimal."""


class KeyRow(msgspec.Struct, frozen=True):
    """A new pair of keys."""

    secret: str
    """File of the key that signs."""
    public: str
    """File of the key that others trust."""
    key: str
    """The public key itself, as `--trust` takes it."""


def seal_row(seal: AnySeal) -> SealRow:
    """Make a row of a seal."""
    match seal:
        case Seal():
            return SealRow(seal.format, seal.count, seal.head, seal.root)
        case SignedSeal(inner, at, key, signature):
            return SealRow(inner.format, inner.count, inner.head, inner.root, at, key, signature)


def render_seal(row: SealRow) -> RenderableType:
    """Write a seal on one line, as ``log verify --seal`` takes it back."""
    return Text(":".join(str(part) for part in msgspec.structs.astuple(row) if part is not None))


def read_seal(text: str, folder: Path) -> AnySeal:
    """Read a seal as ``log seal`` prints it, plain or as JSON, or from the last line of a file of them.

    Raises:
        UsageWrong: It is none of these.
    """
    path = folder / text.strip()
    if ":" not in text and path.is_file():
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        text = next((line for line in reversed(lines) if line.strip()), "")
    try:
        row = msgspec.json.decode(text, type=SealRow) if text.lstrip().startswith("{") else _plain(text)
        return _seal(row)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        raise UsageWrong(f"not a seal: {text[:80]}", remedy="pass the output of `stillroom log seal`") from None


def given(seal: str | None, trust: Iterable[str], folder: Path) -> tuple[AnySeal | None, tuple[PublicKey, ...]]:
    """Read the seal and the trusted keys that a command was given.

    Raises:
        UsageWrong: It is no seal, or keys were named without one.
        KeyUnusable: A key is none.
    """
    known = None if seal is None else read_seal(seal, folder)
    trusted = read_trusted(trust, folder)
    if trusted and known is None:
        raise UsageWrong("--trust needs a seal, and none was given", remedy="pass one with --seal")
    return known, trusted


def _plain(text: str) -> SealRow:
    form, number, head, *rest = text.strip().split(":")
    # Root and signature are there or not, each whole.
    root, signed = (rest[0], rest[1:]) if len(rest) in {1, 4} else (None, rest)
    if not signed:
        return SealRow(int(form), int(number), head, root)
    at, key, signature = signed
    return SealRow(int(form), int(number), head, root, int(at), key, signature)


def _seal(row: SealRow) -> AnySeal:
    if not 1 <= row.format <= SEAL_FORMAT or not all(is_digest(each) for each in (row.head, row.root or row.head)):
        raise ValueError(row)
    seal = Seal(row.format, row.count, Digest(row.head), None if row.root is None else Digest(row.root))
    match row.at, row.key, row.signature:
        case None, None, None:
            return seal
        case int() as at, str() as key, str() as signature:
            return SignedSeal(seal, at, PublicKey(key), signature)
        case _:
            raise ValueError(row)


def make_pair(path: Path) -> KeyRow:
    """Make a pair of keys in two new files: one to keep secret, and ``.pub`` to give away.

    Raises:
        KeyUnusable: One of the files is there already, or cannot be written.
    """
    key, public = make_key(), path.with_name(f"{path.name}.pub")
    if public.exists():
        raise KeyUnusable(str(public), "it already exists and is not overwritten")
    _write_new(path, key.pem(), 0o600)
    _write_new(public, key.public_pem(), 0o644)
    return KeyRow(str(path), str(public), key.public)


KEY: Final = RecordView(KeyRow, ("secret", lambda row: f"{row.secret}: store it apart from the log"), "public key")


def read_secret(path: Path) -> SecretKey:
    """Read a secret key's file.

    Raises:
        KeyUnusable: It cannot be read, holds no such key, or others than its owner may read it.
    """
    try:
        mode, pem = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise KeyUnusable(str(path), error.strerror or str(error)) from error
    if mode & OTHERS:
        raise KeyUnusable(str(path), "other users can read it; run `chmod 600` first")
    return parse_secret(pem, str(path))


def read_trusted(named: Iterable[str], folder: Path) -> tuple[PublicKey, ...]:
    """Read public keys: each a file, or the 64 hexadecimal characters themselves.

    Raises:
        KeyUnusable: One of them is neither.
    """
    return tuple(_public(text, folder / text) for text in named)


def _public(text: str, path: Path) -> PublicKey:
    try:
        if not path.exists() and not is_public(text):
            raise KeyUnusable(text, f"no such file: {path}")
        return parse_public(path.read_bytes() if path.exists() else text.encode(), text)
    except OSError as error:
        raise KeyUnusable(text, error.strerror or str(error)) from error


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is not there yet, and that at no moment has wider rights than it ends with."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    except OSError as error:
        raise KeyUnusable(str(path), f"it cannot be created: {error.strerror}") from error
