"""A placebo differs from a skill in what it says, and in nothing else that an agent could act on."""

from hypothesis import given
from hypothesis import strategies as st

from engine.policies.skill.placebo import placebo_of
from engine.policies.skill.split import SkillParts, split_skill

SKILL = b"""\
---
name: greet
description: Writes a greeting into a file. Use it when a task asks for one.
---

# Greeting

Run `echo hello > answer.txt`, and read it back.
"""


def test_a_placebo_has_the_name_and_the_length_and_none_of_the_words() -> None:
    """Given a skill, when its placebo is made, then an agent finds it by the same name and learns nothing."""
    found = placebo_of({"greet/SKILL.md": SKILL, "greet/scripts/say.sh": b"echo hello\n"})
    text = found["greet/SKILL.md"]
    parts = split_skill(text.decode())
    assert isinstance(parts, SkillParts)
    assert parts.front.startswith("name: greet\ndescription: This page holds no advice")
    assert len(text) == len(SKILL)
    assert not {"hello", "answer.txt", "greeting"} & set(text.decode().lower().split())
    assert len(found["greet/scripts/say.sh"]) == len(b"echo hello\n")
    assert b"echo" not in found["greet/scripts/say.sh"]


def test_a_skill_of_few_words_has_a_placebo_too() -> None:
    """Its front matter may be longer than the skill: then it is all there is."""
    found = placebo_of({"a/SKILL.md": b"---\nname: a\ndescription: b\n---\n"})["a/SKILL.md"]
    assert isinstance(split_skill(found.decode()), SkillParts)


@given(st.dictionaries(st.sampled_from(["a/x.md", "a/b/c.py", "b/SKILL.txt"]), st.binary(max_size=900)))
def test_other_files_keep_their_length_whatever_they_hold(files: dict[str, bytes]) -> None:
    """A copy of the same size is what a disk limit and a listing see."""
    found = placebo_of(files)
    assert {path: len(data) for path, data in found.items()} == {path: len(data) for path, data in files.items()}
    assert all(b"This page holds".startswith(data[:15].rstrip(b"\n")) for data in found.values())
