"""The command that makes a set of items of a manifest."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

from anyio import to_thread
from cyclopts import App, Parameter

from views.commands.rows import Rows
from views.evaluations import set_materialize
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {"data materialize": (set_materialize.MaterializedSplitRow,)}

app: Final = App(name="data", help="Make sets of items of the manifests that benchmarks publish.")


@Parameter(name="*")
@dataclass(frozen=True)
class SourceOptions:
    """What a set is made of, and where it is written."""

    sources: Annotated[tuple[Path, ...], Parameter(name="--from", consume_multiple=True)] = ()
    """Files with the rows of the benchmark (.json, .jsonl, .csv, .parquet). Without any, the manifest holds them."""
    item_format: str | None = None
    """Format of the rows. Without it, the one whose name the manifest's begins with."""
    files: Path | None = None
    """Folder against which paths in rows are read. Without it, the folder of each row's file."""
    to: Path | None = None
    """Folder of the set. Without it, a folder beside the manifest."""


_AS_FOUND: Final = SourceOptions()


@app.command(name="materialize")
async def materialize(
    manifest: Path, /, *, made: SourceOptions = _AS_FOUND, options: Options = ASIS, machine: Given
) -> None:
    """Make a set of the items that a manifest names, with their rows and files: whole, or not at all.

    An item that the manifest names twice, in one split or in two, is refused; so is one that has no row, or several.
    Nothing is overwritten.

    Args:
        manifest: Folder with train, val and test, or a file, that lists the names of items.
    """
    at = machine.folder / manifest
    form = set_materialize.format_meant(at, made.item_format)
    folder = set_materialize.folder_meant(at) if made.to is None else machine.folder / made.to
    base = None if made.files is None else machine.folder / made.files
    given = [machine.folder / each for each in made.sources]
    rows = await to_thread.run_sync(partial(set_materialize.materialize_set, at, given, form, base, folder))
    options.screen(machine).show(rows, set_materialize.MATERIALIZED_SPLITS)
