"""Rules for the front matter of a skill; source: Agent Skills, harbor.md (g); SPARK, 13.7.

Strict YAML, as the reference tool reads it: no duplicate keys, no flow lists, no anchors. Every scalar is a text.
SPARK tells the model nothing of these keys and checks nothing (W22): of 50 released skills, 5 have both.
"""

import re
from collections.abc import Iterator

import yaml

from engine.policies.skill.finding import SkillFinding

KEYS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SECOND_LINE = 2


def is_skill_name(name: str) -> bool:
    """Say whether a name is one that every Agent Skills tool takes."""
    return len(name) <= 64 and _NAME.fullmatch(name) is not None


def front_matter_findings(front: str, folder: str) -> tuple[SkillFinding, ...]:
    """Check the YAML between the two lines.

    Args:
        front: The YAML.
        folder: Name of the folder the skill will lie in.
    """
    try:
        fields, found = _fields(front)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return (_yaml_finding(error),)
    found += [
        SkillFinding(
            "front-matter-keys",
            f"The key {key!r} is not allowed.",
            f"Remove it, or move it below 'metadata'; allowed are: {', '.join(KEYS)}.",
        )
        for key in fields
        if key not in KEYS
    ]
    found += _name(fields.get("name"), folder)
    found += _description(fields.get("description"))
    found += _others(fields)
    return tuple(found)


def _fields(front: str) -> tuple[dict[str, str | None], list[SkillFinding]]:
    """Texts by key (None when the value is no text), and what is wrong with the form."""
    found = [
        SkillFinding(
            "front-matter-yaml", f"Anchors and aliases are not allowed ({event.anchor}).", "Write the value out."
        )
        for event in yaml.parse(front, Loader=yaml.BaseLoader)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None
    ]
    if found:
        return {}, found
    root = yaml.compose(front, Loader=yaml.BaseLoader)
    if not isinstance(root, yaml.MappingNode):
        return {}, [SkillFinding("front-matter-yaml", "The front matter is no mapping.", "Write lines 'key: value'.")]
    found += _strictness(root)
    return {
        str(key.value): value.value if isinstance(value, yaml.ScalarNode) else None for key, value in root.value
    }, found


def _strictness(root: yaml.Node) -> Iterator[SkillFinding]:
    todo = [root]
    while todo:
        node = todo.pop()
        line = node.start_mark.line + _SECOND_LINE
        if isinstance(node, yaml.CollectionNode) and node.flow_style:
            yield SkillFinding(
                "front-matter-yaml", "Lists and mappings in brackets are not allowed.", "Write one item a line.", line
            )
        if isinstance(node, yaml.MappingNode):
            names = [str(key.value) for key, _ in node.value]
            yield from (
                SkillFinding(
                    "front-matter-yaml", f"The key {name!r} appears more than once.", "Keep one of them.", line
                )
                for name in sorted(set(names))
                if names.count(name) > 1
            )
            todo += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value


def _yaml_finding(error: Exception) -> SkillFinding:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
    return SkillFinding(
        "front-matter-yaml",
        f"The front matter is not valid YAML: {problem}.",
        "Quote values that hold a colon, a hash or quotes; use spaces, not tabs.",
        mark.line + _SECOND_LINE if mark else None,
    )


def _name(name: str | None, folder: str) -> Iterator[SkillFinding]:
    if not name:
        yield SkillFinding("name", "The front matter has no 'name'.", f"Add 'name: {folder}'.")
    elif not is_skill_name(name):
        yield SkillFinding(
            "name",
            f"The name {name[:80]!r} is not allowed.",
            "Use 1 to 64 lower-case letters and digits, in words joined by single hyphens.",
        )
    elif name != folder:
        yield SkillFinding("name-folder", f"The name {name!r} is not that of its folder.", f"Write 'name: {folder}'.")


def _description(description: str | None) -> Iterator[SkillFinding]:
    if description is None or not description.strip():
        yield SkillFinding(
            "description",
            "The front matter has no 'description'.",
            "Say in one sentence what the skill does and when to use it.",
        )
    elif len(description) > 1024:
        yield SkillFinding(
            "description", f"The description has {len(description)} characters.", "Shorten it to at most 1024."
        )


def _others(fields: dict[str, str | None]) -> Iterator[SkillFinding]:
    compatibility = fields.get("compatibility", "any")
    if compatibility is None or not 1 <= len(compatibility) <= 500:
        yield SkillFinding(
            "compatibility", "'compatibility' has not 1 to 500 characters.", "Shorten it, or leave it out."
        )
    for key in ("license", "allowed-tools"):
        if fields.get(key, "") is None:
            yield SkillFinding(key, f"'{key}' is no text.", "Write it on one line.")
    if fields.get("metadata") is not None:
        yield SkillFinding("metadata", "'metadata' is no mapping.", "Write lines 'key: value' below it, indented.")
