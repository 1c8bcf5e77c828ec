"""Files that a person asked for, by name."""

from pathlib import Path

from anyio import Path as AsyncPath

from views.terminal.errors import UsageWrong


async def write_file(path: Path, data: bytes) -> None:
    """Write a file where it was asked for; folders that are not there are made.

    Raises:
        UsageWrong: The place cannot be written to.
    """
    try:
        await AsyncPath(path.parent).mkdir(parents=True, exist_ok=True)
        await AsyncPath(path).write_bytes(data)
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror}"
        raise UsageWrong(problem, remedy="choose a writable path") from error
