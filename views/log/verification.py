"""What a verification found, what it proved, and what it did not: drawn alike, whatever was verified."""

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from events.findings import AnyFinding, told
from views.terminal.format import count
from views.terminal.tables import heading


def found_lines(findings: Iterable[AnyFinding], more: int = 0) -> Iterator[RenderableType]:
    """Tell of findings, one a line.

    Args:
        findings: Those that are listed.
        more: How many further ones there are.
    """
    for each in findings:
        yield Text(f"  {told(each)}", style="red")
    if more:
        yield Text(f"  and {count(more)} more", style="red")


def proof_lines(proved: Iterable[str], not_proved: Iterable[str]) -> Iterator[RenderableType]:
    """Tell what was proved and, just as plainly, what was not; nothing of either of which there is none."""
    for name, claims in (("proved", [*proved]), ("not proved", [*not_proved])):
        if claims:
            yield ""
            yield heading(name)
            yield from (Text(f"  {claim}") for claim in claims)
