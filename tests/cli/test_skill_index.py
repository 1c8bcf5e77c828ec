"""A folder of skills published for agents to find: each artifact under its digest, in the draft's own form."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import CommandOutcome, type_in

HEAD = "---\nname: {0}\ndescription: Does {0}.\n---\n\n# {0}\n"
PLACE = ".well-known/agent-skills"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with a skill of one file, one of several, and a folder that is none."""
    for name in ("greet", "count"):
        (tmp_path / "skills" / name).mkdir(parents=True)
        (tmp_path / "skills" / name / "SKILL.md").write_text(HEAD.format(name))
    (tmp_path / "skills/count/scripts").mkdir()
    (tmp_path / "skills/count/scripts/count.sh").write_text("wc -l\n")
    (tmp_path / "skills/.stillroom-adopted").mkdir()
    return tmp_path


def index(folder: Path, *words: str) -> CommandOutcome:
    """Type it."""
    return type_in(folder, "skills", "index", "skills", "--to", "site", *words, "--json")


def read(folder: Path) -> dict[str, Any]:
    """Read the index."""
    return dict(json.loads((folder / "site" / PLACE / "index.json").read_bytes()))


def fetched(folder: Path, url: str) -> bytes:
    """Give what a site serves at a path."""
    return (folder / "site" / url.lstrip("/")).read_bytes()


def test_a_client_of_the_draft_finds_every_skill_and_its_digest_fits(folder: Path) -> None:
    """As the RFC has it (draft 0.2.0): schema, one artifact for each skill, SHA-256 of its raw bytes."""
    assert index(folder).code == 0
    found = read(folder)
    assert found["$schema"] == "https://schemas.agentskills.io/discovery/0.2.0/schema.json"
    assert found.keys() == {"$schema", "skills"}
    assert [{*entry} for entry in found["skills"]] == [{"name", "type", "description", "url", "digest"}] * 2
    count, greet = found["skills"]
    for entry in (count, greet):
        assert entry["digest"] == f"sha256:{hashlib.sha256(fetched(folder, entry['url'])).hexdigest()}"
    assert (greet["name"], greet["type"], greet["url"]) == ("greet", "skill-md", f"/{PLACE}/greet/SKILL.md")
    assert (greet["description"], fetched(folder, greet["url"]).decode()) == ("Does greet.", HEAD.format("greet"))
    assert (count["type"], count["url"]) == ("archive", f"/{PLACE}/count.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(fetched(folder, count["url"])), mode="r:gz") as archive:
        assert archive.getnames() == ["SKILL.md", "scripts/count.sh"]
        assert all(member.isreg() and (member.mtime, member.uid) == (0, 0) for member in archive)


def test_the_same_skills_make_the_same_bytes(folder: Path) -> None:
    """So a digest changes when a skill does, and only then; and nothing is to be written over."""
    index(folder)
    before = {path: path.read_bytes() for path in (folder / "site").rglob("*") if path.is_file()}
    (folder / "skills/count/SKILL.md").touch()
    again = index(folder)
    assert (again.code, {row["state"] for row in again.rows}) == (0, {"same"})
    assert {path: path.read_bytes() for path in (folder / "site").rglob("*") if path.is_file()} == before


def test_what_differs_is_written_over_only_if_that_is_said(folder: Path) -> None:
    """And --check says in CI that a site is behind."""
    assert index(folder, "--check").code == 3
    assert not (folder / "site").exists()
    index(folder)
    assert index(folder, "--check").code == 0
    (folder / "skills/greet/SKILL.md").write_text(HEAD.format("greet") + "More.\n")
    behind = index(folder, "--check")
    assert (behind.code, [row["state"] for row in behind.rows]) == (3, ["same", "changed"])
    refused = index(folder)
    assert (refused.code, "greet differs" in refused.err) == (2, True)
    assert fetched(folder, f"{PLACE}/greet/SKILL.md").decode() == HEAD.format("greet")
    assert index(folder, "--replace").code == 0
    assert index(folder, "--check").code == 0
    (folder / "site" / PLACE / "count.tar.gz").unlink()
    lost = index(folder, "--check")
    assert (lost.code, [row["state"] for row in lost.rows]) == (3, ["missing", "same"])


def test_artifacts_may_be_served_from_elsewhere(folder: Path) -> None:
    """Then their addresses are whole."""
    index(folder, "--base-url", "https://example.com/")
    assert [each["url"] for each in read(folder)["skills"]] == [
        f"https://example.com/{PLACE}/count.tar.gz",
        f"https://example.com/{PLACE}/greet/SKILL.md",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("greet", HEAD.format("other")),
        ("Greet", HEAD.format("Greet")),
        ("greet", "---\nname: greet\n---\n"),
        ("greet", HEAD.replace("Does", "x" * 1020).format("greet")),
        ("greet", "no front matter\n"),
    ],
)
def test_a_skill_that_no_client_takes_is_not_published(name: str, text: str, tmp_path: Path) -> None:
    """Nothing is written, of other skills either."""
    (tmp_path / "skills" / name).mkdir(parents=True)
    (tmp_path / "skills" / name / "SKILL.md").write_text(text)
    assert index(tmp_path).code == 2
    assert not (tmp_path / "site").exists()
