"""Suites are read whole, or every fault of them is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.suites.errors import SuiteAbsent, SuiteInvalid
from engine.suites.read import read_suite
from events.digest import Digest, digest_of
from events.types.suite import ROLES, family_of_skill, read_suite_blob, slug_of_skill
from sandbox.harbor.task import load_task
from tests.support.suites import SuiteShape, write_suite

SPEC = "tasks/sum-1-1-composition/task-spec.yaml"
META = "skills/sum-1-1/meta.yaml"


def _change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _faults(folder: Path) -> list[str]:
    with pytest.raises(SuiteInvalid) as caught:
        read_suite(folder, digest_of, ())
    return [str(each) for each in caught.value.faults]


@pytest.mark.parametrize("nested", [False, True])
def test_a_suite_is_read_by_environment_family_and_role(tmp_path: Path, *, nested: bool) -> None:
    """Of its own folders, and of those of a copy of SkillEvolBench, which lie below ``benchmark``."""
    folder = write_suite(tmp_path / "s", SuiteShape(2, 3, nested=nested))
    suite = read_suite(folder, digest_of, ())
    assert (suite.name, suite.release, len(suite.tasks)) == ("sums", "1.1", 36)
    assert [(each.id, each.slug, len(each.families)) for each in suite.environments] == [
        ("E1", "sums-1", 3),
        ("E2", "sums-2", 3),
    ]
    first = suite.families[0]
    assert [each.role for each in suite.tasks[:6]] == list(ROLES)
    assert first.tasks == tuple(each.task for each in suite.tasks[:6])
    assert [each.name for each in first.curated] == ["SKILL.md"]
    assert len(first.gaps) == 2
    last = suite.tasks[5]
    assert (last.id, last.phase, last.composition) == ("E1-LS1-T6", "evaluation", "cross_family")
    assert sorted(last.order) == list(last.required_skills) != list(last.order)
    assert {family_of_skill(skill): slug_of_skill(skill) for skill in last.required_skills} == {
        "E1-LS1": "sum-1-1",
        "E1-LS2": "sum-1-2",
    }
    assert suite.tasks[4].traps == ("generic_trap",)
    assert read_suite_blob(suite.canonical) == suite


def test_what_is_read_below_benchmark_may_be_named_itself(tmp_path: Path) -> None:
    """``stillroom suite check repo/benchmark`` is the same suite, by the same name."""
    folder = write_suite(tmp_path / "copy", SuiteShape(nested=True))
    assert read_suite(folder / "benchmark", digest_of, ()) == read_suite(folder, digest_of, ())


def test_a_release_may_be_absent(tmp_path: Path) -> None:
    """Then the digest alone tells, and the suite is called as its folder."""
    suite = read_suite(write_suite(tmp_path / "plain", SuiteShape(1, 1, release=None)), digest_of, ())
    assert (suite.name, suite.release) == ("plain", None)


CHANGES: dict[str, tuple[str, str, str]] = {
    "a test": ("tasks/sum-1-1-canonical/tests/test_process.py", "sum.py is missing", "no sum.py"),
    "an instruction": ("tasks/sum-1-1-canonical/instruction.md", "Write", "Please write"),
    "a curated skill": ("skills/sum-1-1/SKILL.md", "Add them up", "Sum them"),
    "a description": (META, "Add up the bytes", "Sum the bytes"),
    "an order": (SPEC, "required_skill_compose_order: ['E1-LS2.sum-1-2', 'E1-LS1.sum-1-1']",
                 "required_skill_compose_order: ['E1-LS1.sum-1-1', 'E1-LS2.sum-1-2']"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=[each.replace(" ", "-") for each in CHANGES])
def test_two_releases_have_two_digests(tmp_path: Path, change: tuple[str, str, str]) -> None:
    """Whatever they are called: what is in the suite counts, and each part of it does."""
    before = read_suite(write_suite(tmp_path / "a"), digest_of, ())
    other = write_suite(tmp_path / "b", SuiteShape(release="2"))
    assert read_suite(other, digest_of, ()).digest == before.digest
    _change(other, *change)
    assert read_suite(other, digest_of, ()).digest != before.digest


FAULTS: dict[str, tuple[str, str, str, str]] = {
    "index and role": (SPEC, "role: composition", "role: variant", f"{SPEC}: role: is 'variant'"),
    "phase": (SPEC, "phase: evaluation", "phase: learning", f"{SPEC}: phase: is 'learning'"),
    "no such role": (SPEC, "role: composition", "role: mixed", f"{SPEC}: role: Invalid enum value"),
    "index": (SPEC, "task_index: 6", "task_index: 7", f"{SPEC}: task_index: is 7"),
    "id": (SPEC, "task_id: E1-LS1-T6", "task_id: E1-LS1-T5", f"{SPEC}: task_id: is 'E1-LS1-T5'"),
    "family": (SPEC, "family_id: E1-LS1", "family_id: E2-LS1", f"{SPEC}: family_id: is 'E2-LS1'"),
    "environment": (SPEC, "environment_id: E1", "environment_id: one", f"{SPEC}: environment_id: is 'one'"),
    "slug": (SPEC, "task_slug: sum-1-1-composition", "task_slug: sum", f"{SPEC}: task_slug: is 'sum'"),
    "skill": (SPEC, "latent_skill_id: E1-LS1.", "latent_skill_id: E1-LS2.", f"{SPEC}: latent_skill_id: is"),
    "no skills": (SPEC, "required_skills: ['E1-LS1.sum-1-1', 'E1-LS2.sum-1-2']", "required_skills: []",
                  f"{SPEC}: required_skills: is empty"),
    "no composition": (SPEC, "composition_type: cross_family", "composition_type: none", "the task is a composition"),
    "no order": (SPEC, "order: ['E1-LS2.sum-1-2', ", "order: ['E1-LS1.sum-1-1', ", "which is not an order of"),
    "an order that repeats": (SPEC, "order: ['E1-LS2.sum-1-2', ", "order: ['E1-LS1.sum-1-1', 'E1-LS2.sum-1-2', ",
                              "which is not an order of"),
    "unknown skill": (SPEC, "E1-LS2.sum-1-2", "E1-LS9.none", "'E1-LS9.none' is no skill of the suite"),
    "skill from elsewhere": (SPEC, "E1-LS2.sum-1-2", "E2-LS1.sum-2-1", "is of another environment"),
    "primary": (SPEC, "primary_skill: E1-LS1.sum-1-1", "primary_skill: E1-LS7.x", "is not among required_skills"),
    "trap": (SPEC, "trap_types: []", "trap_types: [x]", "only an adversarial task has traps"),
    "a composition too early": ("tasks/sum-1-1-variant/task-spec.yaml", "required_skills: []",
                                "required_skills: [E1-LS1.sum-1-1]", "only a composition has it"),
    "composed and no T6": ("tasks/sum-1-1-variant/task-spec.yaml", "composition_type: none",
                           "composition_type: within_family", "it is no T6"),
    "task.toml": ("tasks/sum-1-1-variant/task.toml", 'role = "variant"', 'role = "enriched"',
                  "task.toml: metadata.role: is 'enriched'"),
    "task.toml lacks": ("tasks/sum-1-1-variant/task.toml", 'split = "learning"\n', "", "metadata.split: is missing"),
    "names of an environment": ("tasks/sum-1-1-variant/task.toml", '"sums-1"', '"other"', "other and sums-1"),
    "no name": ("tasks/sum-1-1-variant/task.toml", 'environment = "sums-1"\n', "", "metadata.environment: is missing"),
    "task ids": (META, "- E1-LS1-T1\n", "", f"{META}: task_ids: is ["),
    "family's slug": (META, "slug: sum-1-1\n", "slug: sums\n", f"{META}: slug: is 'sums'"),
    "family's skill": (META, "latent_skill_id: E1-LS1.", "latent_skill_id: E1-LS3.", f"{META}: latent_skill_id"),
    "family twice": (META, "family_id: E1-LS1", "family_id: E1-LS2", "'E1-LS2' is also the id of"),
    "family's id": (META, "family_id: E1-LS1", "family_id: LS1", f"{META}: family_id: is 'LS1'"),
    "curated": (META, "curated_skill_path: SKILL.md", "curated_skill_path: skill.md", "call the file SKILL.md"),
    "a key is missing": (META, "description: Add up the bytes of a file.\n", "", f"{META}: description: is missing"),
    "no YAML": (META, "slug: sum-1-1", "slug: [", f"{META}: cannot be read"),
    "no mapping": (META, "schema_version: '1.0'", "- x\n#", f"{META}: cannot be read"),
    "suite.toml": ("suite.toml", 'name = "sums"', "nam = 3", "suite.toml: nam: is an unknown key"),
    "an integer of 5,000 digits": ("suite.toml", '"1.1"', "9" * 5_000, "suite.toml: cannot be read"),
    "release": ("suite.toml", '"1.1"', "1.1", "suite.toml: release: Expected `str | null`"),
    "task": ("tasks/sum-1-1-variant/task.toml", 'version = "1.0"', "version =", "tasks/sum-1-1-variant/task.toml"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("change", FAULTS.values(), ids=[each.replace(" ", "-") for each in FAULTS])
def test_each_fault_is_named_with_its_file_and_a_remedy(tmp_path: Path, change: tuple[str, str, str, str]) -> None:
    """Nothing of a suite is left out in silence: a rate over 179 tasks would be another number."""
    folder = write_suite(tmp_path, SuiteShape(2, 2))
    _change(folder, *change[:3])
    faults = _faults(folder)
    assert any(change[3] in fault for fault in faults), faults
    assert all(fault.endswith(")") for fault in faults)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    """Of many files, so that nobody mends them one by one."""
    folder = write_suite(tmp_path)
    _change(folder, SPEC, "phase: evaluation", "phase: learning")
    _change(folder, META, "slug: sum-1-1\n", "slug: sums\n")
    (folder / "skills/sum-1-2/SKILL.md").unlink()
    (folder / "tasks/sum-2-2-variant/instruction.md").unlink()
    (folder / "skills/stray").mkdir()
    faults = "\n".join(_faults(folder))
    for each in ("phase: is", "slug: is 'sums'", "sum-1-2/SKILL.md: is missing", "sum-2-2-variant", "skills/stray"):
        assert each in faults


def test_a_family_without_one_of_its_tasks_is_named(tmp_path: Path) -> None:
    """Six roles, each once."""
    folder = write_suite(tmp_path)
    for file in sorted((folder / "tasks/sum-1-1-variant").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    (folder / "tasks/sum-1-1-variant").rmdir()
    assert "the suite has no task E1-LS1-T3" in "\n".join(_faults(folder))


@pytest.mark.parametrize("make", [lambda _: None, Path.mkdir], ids=["nothing", "empty"])
def test_a_folder_without_a_suite_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """With what it would have to hold."""
    make(tmp_path / "s")
    with pytest.raises(SuiteAbsent) as caught:
        read_suite(tmp_path / "s", digest_of, ())
    assert "tasks/ and skills/" in caught.value.remedy


def test_a_suite_without_a_family_is_refused(tmp_path: Path) -> None:
    """Its two folders are there, and nothing is in them: nobody could evolve anything over it."""
    for name in ("tasks", "skills"):
        (tmp_path / name).mkdir()
    assert _faults(tmp_path) == ["skills: holds no family (write skills/<name>/meta.yaml, and six tasks for each)"]


def test_names_that_would_reach_a_terminal_as_commands_are_refused(tmp_path: Path) -> None:
    """Whoever looks at a suite of strangers sees its names, and no effect of them."""
    folder = write_suite(tmp_path, SuiteShape(1, 1))
    (folder / "suite.toml").write_text('name = "a\\u001b[2Jb"\nrelease = "1\\n2"\n', encoding="utf-8")
    _change(folder, "tasks/sum-1-1-canonical/task.toml", '"sums-1"', '"sums\\u001b[2J"')
    faults = [each for each in _faults(folder) if "control character" in each]
    assert [each.partition(": holds")[0] for each in faults] == [
        "suite.toml: name",
        "suite.toml: release",
        "tasks/sum-1-1-canonical/task.toml: metadata.environment",
    ]


def test_a_curated_skill_may_have_files_and_may_be_absent(tmp_path: Path) -> None:
    """SKILL.md comes first; hidden files and links out are none of it."""
    folder = write_suite(tmp_path, SuiteShape(1, 2))
    (folder / "skills/sum-1-1/references").mkdir()
    (folder / "skills/sum-1-1/references/bytes.bin").write_bytes(b"\x00\xff")
    (folder / "skills/sum-1-1/A.md").write_text("a", encoding="utf-8")
    (folder / "skills/sum-1-1/.cache").write_text("x", encoding="utf-8")
    _change(folder, "skills/sum-1-2/meta.yaml", "curated_skill_path: SKILL.md", "curated_skill_path: null")
    first, second = read_suite(folder, digest_of, ()).families
    assert [each.name for each in first.curated] == ["SKILL.md", "A.md", "references/bytes.bin"]
    assert second.curated == ()
    (folder / "skills/sum-1-1/out.md").symlink_to(tmp_path / "suite.toml")
    assert "leads out of the skill" in _faults(folder)[0]


@pytest.mark.slow
def test_tasks_that_a_run_has_by_the_same_names_must_be_the_same(tmp_path: Path) -> None:
    """The digest of the suite is that of what the run's trials are judged by."""
    folder, copy = write_suite(tmp_path / "a"), write_suite(tmp_path / "b")
    pinned = [load_task(copy / "tasks/sum-1-1-canonical")]
    assert read_suite(folder, digest_of, pinned) == read_suite(folder, digest_of, ())
    _change(copy, "tasks/sum-1-1-canonical/instruction.md", "Write", "Please write")
    with pytest.raises(SuiteInvalid, match="is another task than"):
        read_suite(folder, digest_of, [load_task(copy / "tasks/sum-1-1-canonical")])


def test_a_task_that_was_changed_since_it_was_pinned_is_refused(tmp_path: Path) -> None:
    """Its trials would be judged by other tests than the digest of the suite names."""
    folder = write_suite(tmp_path)
    pinned = load_task(folder / "tasks/sum-1-1-canonical")
    _change(folder, "tasks/sum-1-1-canonical/instruction.md", "Write", "Please write")
    with pytest.raises(SuiteInvalid, match="is another task than"):
        read_suite(folder, digest_of, [pinned])


def test_a_file_that_holds_a_secret_is_refused(tmp_path: Path) -> None:
    """What the log keeps of it would be another skill."""
    folder = write_suite(tmp_path, SuiteShape(1, 1))
    with pytest.raises(SuiteInvalid, match="holds the value of a known secret"):
        read_suite(folder, lambda data: Digest(digest_of(data)[::-1]), ())


def test_environments_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """E2 comes before E10."""
    suite = read_suite(write_suite(tmp_path, SuiteShape(10, 1)), digest_of, ())
    assert [each.id for each in suite.environments] == [f"E{number}" for number in range(1, 11)]
