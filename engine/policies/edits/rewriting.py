"""A document that a model wrote anew, in place of the one there was; pure. Source: SkillOpt, 5."""

from typing import NamedTuple

from engine.policies.edits.checks import open_fence, too_long
from engine.policies.edits.edit import EditRule
from engine.policies.edits.regions import protected_blocks, without_blocks
from engine.policies.skill.split import SplitFault, split_skill


class RewrittenDocument(NamedTuple):
    """What became of a rewrite."""

    text: str | None
    """The document. None: the rewrite is not used."""
    status: str
    """``applied_rewrite`` or ``refused_…``."""
    hint: str = ""
    """Why it is not used, for the optimizer."""


def rewritten(document: str, answer: str, rule: EditRule) -> RewrittenDocument:
    """Take a rewritten document.

    The default keeps the protected blocks of the document as they are, behind the new text, whatever the answer has in
    their place; front matter is none of the answer's business and left out. SkillOpt takes the answer as it is (W18).

    Args:
        document: The body of ``SKILL.md`` before.
        answer: What the model wrote.
        rule: With the budget; the compatible value has none.
    """
    if not answer.strip():
        return RewrittenDocument(None, "refused_no_content", "The rewritten document is empty.")
    if rule.compatible:
        return RewrittenDocument(f"{answer.rstrip()}\n", "applied_rewrite")
    parts = split_skill(answer)
    body = without_blocks(answer if isinstance(parts, SplitFault) else parts.body).strip()
    if not body:
        return RewrittenDocument(
            None, "refused_no_content", "The rewritten document has no text outside protected blocks."
        )
    blocks = [document[block.start : block.end] for block in protected_blocks(document)]
    text = "\n\n".join((body, *blocks)) + "\n"
    if text.strip() == document.strip():
        return RewrittenDocument(None, "refused_no_change", "The rewritten document is the one there was.")
    refused = open_fence("", body) or too_long(len(document), len(text), rule)
    return RewrittenDocument(None, *refused) if refused else RewrittenDocument(text, "applied_rewrite")
