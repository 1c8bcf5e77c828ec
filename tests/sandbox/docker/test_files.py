"""Stories of what an engine says of files: a missing path is the path's fault, a lost container ours."""

import pytest

from sandbox.docker.files import tells_of_container


@pytest.mark.parametrize(
    ("detail", "path", "container"),
    [
        ("No such container: 0a1b", "/app/answer.txt", True),
        ("container 0a1b is not running", "/app/answer.txt", True),
        ("no container with name or ID found", "/app/answer.txt", True),
        ("Could not find the file /app/answer.txt in container 0a1b", "/app/answer.txt", False),
        ("lstat /app/container.json: no such file or directory", "/app/container.json", False),
        ("lstat /app/Containerfile: no such file or directory", "/app/Containerfile", False),
        ("not a directory", "/app/answer.txt", False),
    ],
)
def test_a_path_named_like_a_container_is_not_taken_for_one(detail: str, path: str, *, container: bool) -> None:
    """The attempt would have been lost to infrastructure over a file that its agent did not write."""
    assert tells_of_container(detail, path) is container
