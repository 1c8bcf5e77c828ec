"""Skills that images bring: found where they stand, taken out where that can be done, and said where it cannot."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.base import SandboxSpec
from sandbox.docker.backend import docker_backend
from sandbox.errors import SandboxUnavailable
from sandbox.harbor.build_context import BuildContext
from sandbox.harbor.dockerfile.parser import parse_dockerfile
from sandbox.harbor.image_skills import ImageSkills, image_skills, without_image_skills
from sandbox.harbor.task import Task, load_task
from sandbox.local.build_steps import CopyIn, recipe_of
from tests.support.runs import make_task

COMPOSE = "environment/docker-compose.yaml"
PAGE = "---\nname: greet\ndescription: Greets.\n---\n"
AGENTS = (
    "/root/.claude/skills",
    "/etc/claude-code/.claude/skills",
    "/root/.codex/skills",
    "/root/.opencode/skill",
    "/root/.goose/skills",
    "/root/.factory/skills",
    "/root/.agents/skills",
    "/root/.gemini/skills",
)


def task_of(folder: Path, *lines: str, skills: bool = True, toml: str = "", **files: str) -> Task:
    """Make a task whose Dockerfile has further lines."""
    make_task(folder)
    dockerfile = folder / "environment" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "".join(f"{line}\n" for line in lines) + "RUN true\n")
    told = {"environment/skills/greet/SKILL.md": PAGE} if skills else {}
    for name, text in {**told, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "task.toml").write_text((folder / "task.toml").read_text() + toml)
    return load_task(folder)


def words(task: Task) -> list[str]:
    """List what is left of the Dockerfile."""
    assert task.dockerfile is not None
    return [f"{each.word} {each.value}" for each in task.dockerfile.instructions]


def test_a_task_without_skills_is_left_as_it_is(tmp_path: Path) -> None:
    """Its digest, and with it the key of its stored scores, is what it was."""
    task = task_of(tmp_path / "word", skills=False)
    found = image_skills(task)
    assert found == ImageSkills((), (), (), ())
    assert without_image_skills(task, found) is task


@pytest.mark.parametrize("place", [*AGENTS, "/srv/dev/.claude/skills/", "/skills-of-the-task"])
def test_what_is_copied_to_where_agents_look_is_taken_out(place: str, tmp_path: Path) -> None:
    """Of eight agents, under any home, and where the task says; other lines stay, and the digest is another."""
    toml = '[environment]\nskills_dir = "/skills-of-the-task"\n'
    task = task_of(tmp_path / "word", f"COPY skills {place}", f"COPY words.txt {place}/more/", toml=toml)
    found = image_skills(task)
    assert found.folders == ("skills",)
    assert len(found.lines) == 2
    assert found.left == ()
    stripped = without_image_skills(task, found)
    assert words(stripped) == [each for each in words(task) if place not in each]
    assert stripped.digest != task.digest
    assert "skills" not in BuildContext(stripped.environment, hidden=stripped.hidden).visible()
    assert stripped.dockerfile is not None
    assert stripped.dockerfile.text is not None
    again = parse_dockerfile("word", stripped.dockerfile.text)
    assert [(each.word, each.value) for each in again.instructions] == [
        (each.word, each.value) for each in stripped.dockerfile.instructions
    ]


def test_lines_that_go_on_and_stand_last_are_taken_out_whole(tmp_path: Path) -> None:
    """An instruction ends where the next begins."""
    text = "FROM a\n# which\nCOPY skills \\\n  # what agents read\n  /root/.codex/skills\nRUN true\nADD skills /app/"
    made = parse_dockerfile("word", text)
    assert made.without(text, [3]).text == "FROM a\n# which\nRUN true\nADD skills /app/\n"
    assert made.without(text, [7]).text == text.removesuffix("ADD skills /app/")
    assert [each.word for each in made.without(text, [3, 7]).instructions] == ["FROM", "RUN"]


def test_a_skill_that_stands_in_the_dockerfile_is_taken_out_with_its_text(tmp_path: Path) -> None:
    """And what another stage of the build calls skills is not the task's folder of that name."""
    written = ("COPY <<EOF /root/.codex/skills/greet/SKILL.md", *PAGE.splitlines(), "EOF")
    task = task_of(tmp_path / "word", *written, "FROM debian:bookworm-slim", "COPY --from=0 skills /app/skills")
    found = image_skills(task)
    assert (found.lines, found.left) == ((4,), ())
    stripped = without_image_skills(task, found).dockerfile
    assert stripped is not None
    assert stripped.text is not None
    assert "greet" not in stripped.text
    assert "COPY --from=0 skills /app/skills" in stripped.text


def test_a_whole_context_is_copied_without_them(tmp_path: Path) -> None:
    """``COPY . /app`` is the task's own; what it copies holds no skill any more."""
    task = task_of(tmp_path / "word", "COPY . /app/")
    stripped = without_image_skills(task, image_skills(task))
    assert words(stripped) == words(task)
    seen = BuildContext(stripped.environment, hidden=stripped.hidden)
    assert [each for each in seen.visible() if "skills" in each] == []
    assert seen.found("skills") == seen.found("skills/greet") == seen.found("skills/greet/SKILL.md") == ()
    assert seen.below("skills") == ()
    assert seen.found("words.txt") == ("words.txt",)


@pytest.mark.parametrize(
    ("line", "more", "hidden"),
    [
        ("RUN mkdir -p /root/.claude/skills && cp -r /opt/it /root/.claude/skills", {}, True),
        ("RUN mkdir -p .goose/skills", {}, True),
        ("COPY words.txt skills /app/", {}, False),
        ("RUN --mount=type=bind,source=skills,target=/s cp -r /s /app", {}, False),
        ("LABEL a=b", {COMPOSE: "services:\n  main:\n    volumes: [./s:/root/.codex/skills]\n"}, True),
        ("LABEL a=b", {COMPOSE: "services:\n  main:\n    build:\n      context: other\n"}, True),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_out_is_said(line: str, more: dict[str, str], hidden: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A command, a compose file, a line that copies other files along; then nothing is hidden that a build needs."""
    found = image_skills(task_of(tmp_path / "word", line, skills=True, toml="", **more))
    assert found.left
    assert found.folders == (("skills",) if hidden else ())


def test_a_prebuilt_image_is_not_known(tmp_path: Path) -> None:
    """Nobody has looked into it; where the task says how to build it too, it is built without its skills instead."""
    image = '[environment]\ndocker_image = "made/elsewhere:1"\n'
    task = task_of(tmp_path / "both", "COPY skills /root/.codex/skills", toml=image)
    assert image_skills(task).left == ()
    assert without_image_skills(task, image_skills(task)).config.environment.docker_image is None
    alone = task_of(tmp_path / "alone", toml=image)
    (alone.environment / "Dockerfile").unlink()
    found = image_skills(load_task(alone.path))
    assert (found.found, found.lines) == ((), ())
    assert [each.partition(" ")[0] for each in found.left] == ["environment/skills/", "the"]


def test_what_only_looks_like_a_skill_stays(tmp_path: Path) -> None:
    """A folder of that name without any, and a page that stands elsewhere: the task may be about them."""
    files: dict[str, Any] = {"environment/skills/table.csv": "a", "environment/docs/SKILL.md": PAGE}
    lines = "COPY skills /app/skills", "COPY docs /app/docs", "RUN mkdir -p my.goose/skills my-opencode/skills"
    task = task_of(tmp_path / "word", *lines, skills=False, **files)
    assert image_skills(task) == ImageSkills((), (), (), ())


def test_the_local_build_takes_the_steps_that_are_left(tmp_path: Path) -> None:
    """And copies nothing that is hidden."""
    task = task_of(tmp_path / "word", "COPY skills /root/.claude/skills")
    stripped = without_image_skills(task, image_skills(task))
    before, after = (recipe_of(each.dockerfile, each.environment, each.hidden) for each in (task, stripped))
    assert len([each for each in before.steps if isinstance(each, CopyIn)]) == 2
    assert [each.sources for each in after.steps if isinstance(each, CopyIn)] == [("words.txt",)]
    assert after.refused == ()


@pytest.mark.docker
@pytest.mark.timeout(180)
async def test_an_image_is_built_without_them(tmp_path: Path) -> None:
    """Though the whole context is copied, and a line names the folder that is gone."""
    task = task_of(tmp_path / "word", "COPY skills /root/.claude/skills", "COPY . /all/")
    async with AsyncExitStack() as stack:
        try:
            backend = await stack.enter_async_context(docker_backend(tmp_path / "workspace"))
        except SandboxUnavailable as error:
            pytest.skip(f"{error.problem} ({error.remedy})")
        for tried, expected in (
            (task, b"/all/skills\n/root/.claude/skills\n"),
            (without_image_skills(task, image_skills(task)), b""),
        ):
            sandbox = await backend.open(SandboxSpec(id=f"skills{len(expected)}", task=tried))
            try:
                said = await sandbox.exec("ls -d /all/skills /root/.claude/skills 2>/dev/null; cat /all/words.txt")
            finally:
                await sandbox.close()
            assert said.stdout == expected + b"hello\n"
