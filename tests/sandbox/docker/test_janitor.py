"""What crashes of other workspaces left is removed when an engine is opened; where that fails, nobody waits for it."""

from typing import Any, NoReturn, cast

from sandbox.docker.backend import DockerSettings, _swept
from sandbox.docker.client import Engine
from sandbox.docker.errors import EngineFailed


class Silent:
    """An engine that fails whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        """Fail at the call."""

        async def fail(*_: object, **__: object) -> NoReturn:
            raise EngineFailed(f"{name} is broken")

        return fail


async def test_a_clean_up_that_fails_is_a_warning() -> None:
    """It serves other runs than the one that is about to begin."""
    engine = cast(Engine, Silent())
    (warning,) = await _swept(engine, "mine", DockerSettings(ended=lambda _: True))
    assert "was not removed" in warning
    assert "is broken" in warning
    assert await _swept(engine, "mine", DockerSettings(ended=None)) == ()
