"""What holds of every patch, whatever is in it."""

from pathlib import PurePosixPath, PureWindowsPath

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.edits.edit import OPERATIONS, Edit
from engine.policies.library.layout import FOLDERS, SkillPath, skill_path
from engine.policies.library.patch import Patch, PatchRule
from engine.policies.library.patch_check import check_patch

PAGE = "---\nname: {name}\ndescription: It helps.\n---\n\nRead `references/a.md`.\n{more}"
LIBRARY = {
    "rows": {"SKILL.md": PAGE.format(name="rows", more=""), "references/a.md": "a\n"},
    "pages": {"SKILL.md": PAGE.format(name="pages", more=""), "references/a.md": "a\n"},
}
OWNERS = {"rows": "E1-LS1", "pages": "E1-LS2"}
PARTS = (
    "rows",
    "pages",
    "new",
    "..",
    ".",
    "",
    "SKILL.md",
    "references",
    "a.md",
    "A.md",
    "\\",
    "/",
    "C:",
    "\0",
    "~",
    "x",
)
PATHS = st.one_of(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("/".join),
    st.sampled_from(("rows/SKILL.md", "rows/references/a.md", "rows/references/b.md", "new/SKILL.md", "rows")),
    st.text(max_size=12),
)
TEXTS = st.one_of(
    st.sampled_from(("rows", "pages", "new")).flatmap(
        lambda name: st.sampled_from(("", "More.\n", "See references/b.md.\n")).map(
            lambda more: PAGE.format(name=name, more=more)
        )
    ),
    st.text(max_size=30),
)
PATCHES = st.builds(
    Patch,
    st.text(max_size=5),
    files=st.dictionaries(PATHS, TEXTS, max_size=3),
    delete=st.lists(PATHS, max_size=2).map(tuple),
    edits=st.lists(
        st.builds(Edit, st.sampled_from(OPERATIONS), TEXTS, st.sampled_from(("Read", "a", "---")), PATHS), max_size=2
    ).map(tuple),
)
RULES = st.builds(
    PatchRule, family=st.just("E1-LS1"), may_create=st.booleans(), may_retire=st.booleans(), max_chars=st.just(120)
)


@given(PATCHES, RULES)
def test_no_patch_escapes_the_library(patch: Patch, rule: PatchRule) -> None:
    """Whatever is written lies below the folder of a skill of the family, on every system; nothing else changes."""
    result = check_patch(LIBRARY, OWNERS, patch, rule)
    for skill, files in result.skills.items():
        assert OWNERS.get(skill, "E1-LS1") == "E1-LS1"
        for path in files or ():
            whole = PurePosixPath("/library") / skill / path
            assert whole.is_relative_to(f"/library/{skill}")
            assert ".." not in whole.parts
            assert PureWindowsPath(skill, path).parts == PurePosixPath(skill, path).parts
            assert path == "SKILL.md" or path.split("/")[0] in FOLDERS
            assert skill_path(f"{skill}/{path}") == SkillPath(skill, path)


@given(PATCHES, RULES)
def test_a_patch_is_taken_whole_or_not_at_all(patch: Patch, rule: PatchRule) -> None:
    """Exactly one of: refused, unchanged, changed. What is given stays as it is; refusals can be kept."""
    before = msgspec.json.encode(LIBRARY)
    result = check_patch(LIBRARY, OWNERS, patch, rule)
    assert msgspec.json.encode(LIBRARY) == before
    assert [bool(result.refusals), result.unchanged, bool(result.skills)].count(True) == 1
    assert (result.operation == "none") is not bool(result.skills)
    assert all(files != LIBRARY.get(skill) for skill, files in result.skills.items())
    assert msgspec.json.decode(msgspec.json.encode(result.refusals)) is not None
    if result.skills and not patch.edits:
        after = {name: files for name, files in {**LIBRARY, **result.skills}.items() if files is not None}
        again = check_patch(after, {**OWNERS, "new": "E1-LS1"}, Patch("", files=patch.files), rule)
        assert again.unchanged, "what was taken says nothing new when it is said again"
