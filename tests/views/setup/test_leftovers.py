"""Stories of `sandbox gc` beside any backend that can list and remove what was left in it."""

from collections.abc import Callable, Sequence

from sandbox.base import Leftover, LeftoverRemover
from sandbox.docker.backend import DockerBackend
from sandbox.local.backend import LocalBackend
from views.setup.gc import LeftoverRow, of_machine

FREE = Leftover("container", "1", "free", "here:1:1", "shop")
HELD = Leftover("image", "2", "held", "", "")


class Yard:
    """A backend of another package, in which one thing cannot be removed."""

    def __init__(self) -> None:
        self.left = [FREE, HELD]

    async def leftovers(self, ended: Callable[[str], bool], *, images: bool) -> list[Leftover]:
        """List what is left."""
        del ended
        return [each for each in self.left if images or each.kind != "image"]

    async def remove(self, leftovers: Sequence[Leftover]) -> list[tuple[Leftover, str]]:
        """Remove all but one."""
        self.left = [each for each in self.left if each not in leftovers or each == HELD]
        return [(each, "in use") for each in leftovers if each == HELD]


async def test_what_was_left_in_any_backend_is_listed_and_removed() -> None:
    """Listing removes nothing; what could not be removed says why."""
    yard = Yard()
    assert [row.became for row in await of_machine(yard, images=True, dry_run=True)] == ["found", "found"]
    assert yard.left == [FREE, HELD]
    assert await of_machine(yard, images=True, dry_run=False) == [
        LeftoverRow("container", "free", "here:1:1", "removed"),
        LeftoverRow("image", "held", "", "in use"),
    ]
    assert yard.left == [HELD]
    assert await of_machine(yard, images=False, dry_run=False) == []


def test_a_backend_is_asked_for_what_it_can_do() -> None:
    """Docker keeps containers where those of others are; sandboxes of this process' own folder end with their runs."""
    assert isinstance(Yard(), LeftoverRemover)
    assert issubclass(DockerBackend, LeftoverRemover)
    assert not issubclass(LocalBackend, LeftoverRemover)
