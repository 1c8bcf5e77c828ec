"""What became of mutants, kept in a file, so that a run that was ended goes on."""

from hashlib import sha256
from pathlib import Path

import msgspec

from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.report import MutantResult


class KeptResult(msgspec.Struct, frozen=True):
    """A result, and the text that it is about."""

    module: str
    """Digest of the module's text."""
    result: MutantResult


class ResultsFile:
    """Results by mutant. What was said of a module whose text has changed since is forgotten."""

    def __init__(self, root: Path, path: Path | None) -> None:
        """Read what is there.

        Args:
            root: The working tree.
            path: The file, which need not exist yet. None: nothing is kept.
        """
        self._root, self._path = root, path
        self._kept: dict[str, KeptResult] = {}
        if path is not None and path.exists():
            self._kept = msgspec.json.decode(path.read_bytes(), type=dict[str, KeptResult])

    def earlier(self, mutant: Mutant) -> MutantResult | None:
        """Give what became of a mutant when it was last tried. None: it was not, or its module was another."""
        found = self._kept.get(_key(mutant))
        if found is None or found.module != self._digest(mutant) or found.result.verdict == "not run":
            return None
        return found.result

    def keep(self, mutant: Mutant, found: MutantResult) -> None:
        """Write down what became of a mutant."""
        self._kept[_key(mutant)] = KeptResult(self._digest(mutant), found)
        if self._path is not None:
            self._path.write_bytes(msgspec.json.format(msgspec.json.encode(self._kept)))

    def _digest(self, mutant: Mutant) -> str:
        return sha256((self._root / mutant.path).read_bytes()).hexdigest()[:16]


def _key(mutant: Mutant) -> str:
    return f"{mutant.path} {mutant.id}"
