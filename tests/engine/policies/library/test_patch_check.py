"""What an author's patch may do to a library, and what it is told where it may not."""

from collections.abc import Mapping

import msgspec
import pytest
from msgspec.structs import replace

from engine.policies.edits.edit import Edit
from engine.policies.library.patch import Patch, PatchRule
from engine.policies.library.patch_check import CheckedPatch, check_patch
from engine.policies.library.refusals import render_refusals
from engine.policies.scan.finding import KnownAnswers, ScanContext


def page(name: str, body: str = "Read the rows.\n", description: str = "Reads rows.") -> str:
    """Write a SKILL.md."""
    return f"---\nname: {name}\ndescription: {description}\n---\n\n{body}"


CITING = page("rows", "Run `scripts/count.py`, then read [the names](references/names.md).\n")
LIBRARY: Mapping[str, Mapping[str, str]] = {
    "rows": {"SKILL.md": CITING, "references/names.md": "a\nb\n", "scripts/count.py": "print(1)\n"},
    "pages": {"SKILL.md": page("pages")},
}
OWNERS = {"rows": "E1-LS1", "pages": "E1-LS2", "gone": "E1-LS2"}
RULE = PatchRule(family="E1-LS1")


def checked(patch: Patch, rule: PatchRule = RULE) -> CheckedPatch:
    """Check a patch against the library of these tests."""
    return check_patch(LIBRARY, OWNERS, patch, rule)


def rules_of(result: CheckedPatch) -> set[str]:
    """Name the rules by which a patch is refused; one that is refused changes nothing."""
    assert not result.refusals or (result.skills == {} and not result.unchanged and result.operation == "none")
    return {each.rule for each in result.refusals}


def writing(path: str, text: str = "a\n") -> Patch:
    """Write one file."""
    return Patch("it says more", files={path: text})


def test_a_revision_comes_to_the_new_state_of_the_skills_that_it_changes() -> None:
    """And of no others."""
    text = page("rows", "Read the rows; use `scripts/count.py` and `references/names.md`.\n")
    result = checked(writing("rows/SKILL.md", text))
    assert result == CheckedPatch({"rows": {**LIBRARY["rows"], "SKILL.md": text}}, (), False, "revise")


def test_edits_change_files_where_they_stand() -> None:
    """The front matter is text as all else: an author may word a description anew."""
    edits = (
        Edit("replace", "Reads rows of tables.", "Reads rows.", "rows/SKILL.md"),
        Edit("append", "c\n", file="rows/references/names.md"),
    )
    result = checked(Patch("it is clearer", edits=edits))
    after = result.skills["rows"]
    assert after is not None
    assert after["SKILL.md"] == CITING.replace("Reads rows.", "Reads rows of tables.")
    assert after["references/names.md"].split() == ["a", "b", "c"]


def test_an_edit_that_finds_nothing_refuses_the_patch_and_says_where_to_look() -> None:
    """What stands beside it is not applied, either: a patch is taken whole or not at all."""
    edits = (
        Edit("append", "More.\n", file="rows/SKILL.md"),
        Edit("replace", "x", "no such text anywhere", "rows/SKILL.md"),
    )
    result = checked(Patch("", edits=edits))
    assert rules_of(result) == {"edit"}
    assert result.refusals[0].path == "rows/SKILL.md"


@pytest.mark.parametrize(
    "path",
    [
        "../rows/SKILL.md",
        "rows/../pages/SKILL.md",
        "rows/references/../../pages/SKILL.md",
        "/rows/SKILL.md",
        "~/rows/SKILL.md",
        "rows\\SKILL.md",
        "C:/rows/SKILL.md",
        "rows/references/a\0.md",
        "rows/references/a\n.md",
        "rows/references/\u202ea.md",
        "rows/references/\ud800.md",
        "rows//SKILL.md",
        "rows/./SKILL.md",
        "rows/references/.hidden",
        "rows/references/ a.md",
        "rows/references/a.",
        "rows/references/nul.md",
        "rows/references/a/b/c/d/e.md",
        f"rows/references/{'a' * 200}.md",
        "rows",
        "",
    ],
)
def test_no_path_leads_out_of_the_library(path: str) -> None:
    """Neither up, nor to a root, nor by what another system reads into a name; it is told, and can be logged."""
    result = checked(writing(path))
    assert rules_of(result) == {"path"}
    msgspec.json.encode(result.refusals)


@pytest.mark.parametrize(
    "path", ["rows/README.md", "rows/tests/a.py", "rows/skill.md", "rows/references", "rows/Scripts/a.py"]
)
def test_a_skill_has_its_document_and_three_folders(path: str) -> None:
    """As Agent Skills has them: no other place is read by anybody."""
    assert rules_of(checked(writing(path))) == {"layout"}


@pytest.mark.parametrize("name", ["Rows", "ro_ws", "-rows", "ro--ws", "r" * 65, "röws"])
def test_a_skill_is_named_as_every_tool_takes_it(name: str) -> None:
    """The name is the folder's."""
    assert rules_of(checked(writing(f"{name}/SKILL.md", page(name)))) == {"slug"}


def test_two_files_are_never_one() -> None:
    """On a disk that takes no notice of case, and where a file would have to be a folder."""
    assert rules_of(checked(writing("rows/references/NAMES.md"))) == {"path"}
    assert rules_of(checked(writing("rows/references/names.md/more.md"))) == {"path"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Read the rows.\n", "front-matter"),
        (page("row"), "name-folder"),
        (page("rows", description="x" * 1025), "description"),
        (page("rows").replace("description", "version: 1\ndescription"), "front-matter-keys"),
        (page("rows", "\n"), "body"),
        (page("rows", "```python\nprint(1)\n"), "fence"),
        ("a\0b", "text"),
        ("\ud800", "text"),
    ],
)
def test_a_document_is_one_that_tools_read(text: str, rule: str) -> None:
    """Strict front matter, a name that is the folder's, a body, closed fences, characters that a file can hold."""
    patch = Patch("", files={"rows/SKILL.md": text}, delete=("rows/references/names.md", "rows/scripts/count.py"))
    assert rules_of(checked(patch)) == {rule}


def test_a_family_changes_only_its_own_skills() -> None:
    """Nor does it take the name of one that another family had and retired."""
    assert rules_of(checked(writing("pages/SKILL.md", page("pages", "Turn them.\n")))) == {"ownership"}
    assert rules_of(checked(writing("gone/SKILL.md", page("gone")))) == {"ownership"}
    own = check_patch(LIBRARY, {**OWNERS, "gone": "E1-LS1"}, writing("gone/SKILL.md", page("gone")), RULE)
    assert own.operation == "create"


def test_a_sibling_is_added_where_that_is_allowed() -> None:
    """At most as many at a time as the rule says."""
    sibling = writing("row-names/SKILL.md", page("row-names"))
    assert checked(sibling).skills == {"row-names": {"SKILL.md": page("row-names")}}
    assert checked(sibling).operation == "create"
    assert rules_of(checked(sibling, replace(RULE, may_create=False))) == {"create"}
    two = replace(sibling, files={**sibling.files, "row-ends/SKILL.md": page("row-ends")})
    assert rules_of(checked(two)) == {"create"}
    assert checked(two, replace(RULE, max_new_skills=2)).operation == "create"


def test_a_deletion_takes_out_that_file_and_nothing_else() -> None:
    """SkillEvolBench retires the whole skill instead (W15)."""
    files = {"rows/SKILL.md": page("rows", "Read [the names](references/names.md).\n")}
    result = checked(Patch("", files=files, delete=("rows/scripts/count.py",)))
    assert result.skills == {"rows": {"SKILL.md": files["rows/SKILL.md"], "references/names.md": "a\nb\n"}}


def test_a_skill_is_retired_by_its_name_and_where_that_is_allowed() -> None:
    """A skill without its document is none, so deleting that file is refused with what to do instead."""
    retiring = Patch("it harms", delete=("rows",))
    assert rules_of(checked(retiring)) == {"retire"}
    allowed = replace(RULE, may_retire=True)
    assert checked(retiring, allowed) == CheckedPatch({"rows": None}, (), False, "retire")
    assert rules_of(checked(Patch("", delete=("rows/SKILL.md",)), allowed)) == {"front-matter"}
    both = Patch("", files={"rows/references/names.md": "c"}, delete=("rows",))
    assert rules_of(checked(both, allowed)) == {"conflict"}


@pytest.mark.parametrize(
    "patch",
    [
        Patch("", delete=("nothing",)),
        Patch("", delete=("rows/references/other.md",)),
        Patch("", delete=("nothing/SKILL.md",)),
        Patch("", edits=(Edit("append", "a", file="nothing/SKILL.md"),)),
    ],
)
def test_what_is_not_there_is_refused(patch: Patch) -> None:
    """SkillEvolBench writes an entry for it, so that its library lists skills that it does not have (W18)."""
    assert rules_of(checked(patch, replace(RULE, may_retire=True))) == {"unknown"}


def test_one_file_is_changed_in_one_way() -> None:
    """Edits, a whole text or a deletion: which of them is meant cannot be told."""
    edit = Edit("append", "c", file="rows/references/names.md")
    assert rules_of(checked(Patch("", edits=(edit,), delete=("rows/references/names.md",)))) == {"conflict"}
    whole = Patch("", files={"rows/references/names.md": "c"}, edits=(edit,))
    assert rules_of(checked(whole)) == {"conflict"}


@pytest.mark.parametrize(
    "patch",
    [
        Patch("nothing is new", operation="revise"),
        Patch("", files={"rows/SKILL.md": CITING}),
        Patch("", files={"rows/SKILL.md": CITING.replace("\n", "\r\n") + "\n"}),
        Patch("", edits=(Edit("replace", "Reads rows.", "Reads rows.", "rows/SKILL.md"),)),
    ],
)
def test_what_changes_nothing_is_no_revision(patch: Patch) -> None:
    """However it is said: SkillEvolBench counts a version for every skill of the family (W17)."""
    assert checked(patch) == CheckedPatch({}, (), True, "none")
    assert checked(patch, replace(RULE, tier3="required")).unchanged


def test_only_what_changes_is_a_revision() -> None:
    """An author that gives all files back has changed one."""
    files = {f"rows/{path}": text for path, text in LIBRARY["rows"].items()}
    result = check_patch(
        {**LIBRARY, "own": {"SKILL.md": page("own")}},
        {**OWNERS, "own": "E1-LS1"},
        Patch("", files={**files, "own/SKILL.md": page("own", "Anew.\n")}),
        RULE,
    )
    assert list(result.skills) == ["own"]


def test_a_file_that_the_body_does_not_cite_is_refused() -> None:
    """Nobody would ever open it (W20). A path that only begins the same is another file."""
    assert rules_of(checked(writing("rows/references/more.md"))) == {"tier3-uncited"}
    cited = {
        "rows/SKILL.md": CITING + "More: /skills/rows/references/more.md.\n",
        "rows/references/more.md": "a\n",
    }
    assert not checked(Patch("", files=cited)).refusals
    near = {**cited, "rows/SKILL.md": CITING + "More: references/more.md5.\n"}
    assert rules_of(checked(Patch("", files=near))) == {"tier3-uncited"}
    silent = Patch("", files={"rows/SKILL.md": page("rows")})
    assert rules_of(checked(silent)) == {"tier3-uncited"}
    assert len(checked(silent).refusals) == 2


def test_what_was_not_cited_before_may_stay() -> None:
    """An author need not mend what a seed brought; what it writes itself, it cites."""
    library = {"rows": {"SKILL.md": page("rows"), "assets/form.txt": "a\n"}}
    more = check_patch(library, OWNERS, writing("rows/SKILL.md", page("rows", "More.\n")), RULE)
    assert more.operation == "revise"
    changed = check_patch(library, OWNERS, writing("rows/assets/form.txt", "b\n"), RULE)
    assert rules_of(changed) == {"tier3-uncited"}


def test_files_beside_the_document_can_be_demanded() -> None:
    """Of each patch that changes anything, so that no repair comes around it (W20)."""
    rule = PatchRule(family="E1-LS2", tier3="required")
    bare = writing("pages/SKILL.md", page("pages", "Turn them.\n"))
    assert rules_of(check_patch(LIBRARY, OWNERS, bare, rule)) == {"tier3-required"}
    files = {
        "pages/SKILL.md": page("pages", "Run `scripts/turn.sh`.\n"),
        "pages/scripts/turn.sh": "echo turn\n",
    }
    assert not check_patch(LIBRARY, OWNERS, Patch("", files=files), rule).refusals


@pytest.mark.parametrize("limit", ["max_chars", "max_skill_chars", "max_library_chars", "max_files", "max_skills"])
def test_a_budget_holds_to_the_character(limit: str) -> None:
    """What comes to it exactly is within it."""
    text = page("rows", "See `references/names.md`, `references/more.md` and `scripts/count.py`.\n").ljust(400, "x")
    more = {"rows/SKILL.md": text, "rows/references/more.md": "b" * 17, "row-ends/SKILL.md": page("row-ends")}
    files = {**LIBRARY["rows"], "SKILL.md": text, "references/more.md": "b" * 17}
    chars = sum(map(len, files.values()))
    sizes = {"max_chars": 400, "max_skill_chars": chars, "max_files": 4, "max_skills": 3}
    sizes["max_library_chars"] = chars + len(page("pages")) + len(page("row-ends"))
    exact = replace(RULE, **{limit: sizes[limit]})
    assert not checked(Patch("", files=more), exact).refusals
    less = replace(RULE, **{limit: sizes[limit] - 1})
    assert rules_of(checked(Patch("", files=more), less)) == {"budget"}


def test_what_is_beyond_a_budget_already_may_become_less() -> None:
    """A long seed can be made shorter step by step."""
    long = {"rows": {"SKILL.md": page("rows", "word " * 100)}}
    rule = PatchRule(family="E1-LS1", max_chars=100, max_skill_chars=100, max_library_chars=100)
    shorter = writing("rows/SKILL.md", page("rows", "word " * 90))
    assert not check_patch(long, OWNERS, shorter, rule).refusals
    longer = writing("rows/SKILL.md", page("rows", "word " * 101))
    assert rules_of(check_patch(long, OWNERS, longer, rule)) == {"budget"}


def test_secrets_and_expected_answers_are_refused_and_not_repeated() -> None:
    """A refusal goes into the log and back to a model: a secret is masked in it."""
    key = "sk-" + "Ab3dE6gH9" * 5
    result = checked(writing("rows/SKILL.md", CITING + f"Use the key {key}.\n"))
    assert rules_of(result) == {"secret"}
    assert key not in "".join(render_refusals(result.refusals))
    known = ScanContext((KnownAnswers("Count the rows.", ("48213",)),))
    answer = check_patch(LIBRARY, OWNERS, writing("rows/SKILL.md", CITING + "There are 48213.\n"), RULE, known)
    assert rules_of(answer) == {"answer"}


def test_talk_of_graders_is_refused_with_its_sentence() -> None:
    """In every file; the author is told which sentence, and what to write instead."""
    body = "Round to two digits.\nThe hidden tests often check\nthat nothing is rounded up.\n"
    (refusal,) = checked(writing("rows/SKILL.md", CITING + body)).refusals
    assert (refusal.rule, refusal.line) == ("grader", 8)
    assert refusal.sentence == "The hidden tests often check"
    assert refusal.sentence in render_refusals([refusal])[0]
    script = Patch("", files={"rows/scripts/count.py": "# the verifier counts rows\nprint(2)\n"})
    assert rules_of(checked(script)) == {"grader"}


def test_a_sentence_that_stood_there_before_is_not_laid_to_the_author() -> None:
    """Whoever revises a seed answers for what is new."""
    old = {"rows": {"SKILL.md": page("rows", "The verifier expects rows.\nRead them.\n")}}
    mended = writing("rows/SKILL.md", page("rows", "The verifier expects rows.\nRead all of them.\n"))
    assert check_patch(old, OWNERS, mended, RULE).operation == "revise"


def test_everything_wrong_is_told_at_once() -> None:
    """So that an author mends it in one answer."""
    files = {"../a/SKILL.md": "a", "pages/SKILL.md": "b", "rows/README.md": "c"}
    assert rules_of(checked(Patch("", files=files, delete=("nothing",)))) == {"path", "ownership", "layout", "unknown"}
