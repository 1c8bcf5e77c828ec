"""Scanners by name, through entry points: the built-in one looks first, then those that are named."""

from collections.abc import Mapping, Sequence

from engine.core.plugins import failing, plugin, plugin_names
from engine.policies.scan.finding import NO_CONTEXT, ScanContext, ScanFinding, Scanner
from engine.policies.scan.scan import scan_skill
from events.errors import StillroomError

GROUP = "stillroom.scanners"


def scanner_names() -> tuple[str, ...]:
    """List all scanners that some installed package registers, the built-in one apart."""
    return plugin_names(GROUP)


def scanner(name: str) -> Scanner:
    """Find a scanner.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    found: Scanner = plugin(GROUP, "scanner", name, ("scan",))
    return found


def scan_with(
    names: Sequence[str], files: Mapping[str, bytes], context: ScanContext = NO_CONTEXT
) -> tuple[ScanFinding, ...]:
    """Scan the files of skills with the built-in scanner and with further ones.

    Args:
        names: Further scanners.
        files: By path.
        context: What they are scanned against.

    Raises:
        NameUnknown: No installed package registers a scanner of a name.
        PluginBroken: It cannot be imported, or failed.
    """
    found = list(scan_skill(files, context))
    for name in names:
        found += _scanned(name, files, context)
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (each.file, each.line)))


def _scanned(name: str, files: Mapping[str, bytes], context: ScanContext) -> Sequence[ScanFinding]:
    other = scanner(name)
    try:
        found: list[object] = list(other.scan(files, context))
    except StillroomError:
        raise
    except Exception as error:
        raise failing(GROUP, "scanner", name, error) from error
    kept = [each for each in found if isinstance(each, ScanFinding)]
    if len(kept) < len(found):
        raise failing(GROUP, "scanner", name, TypeError("it found something that is not a ScanFinding"))
    return kept
