"""Which setting mends a request that a provider does not accept, where its words or fields tell."""

import re
from typing import Final, NamedTuple

from engine.protocols.error_body import ErrorBody
from engine.protocols.error_codes import Meaning, meanings_of


class Mend(NamedTuple):
    """What to do about it."""

    remedy: str
    """Whoever asks."""
    setting: str | None
    """For calls that are made by the run's own settings; ``ROLE`` stands for the role. None: no setting mends it."""


_TOOLS: Final = re.compile(
    r"(?:(?:do|does|did)(?:es)?(?:n't| not)|not|no longer|no endpoints found that) support\w*(?: \w+){0,3}?"
    r" (?:tools?|tool[ _-](?:use|calls?|calling|choice)|functions?|function[ _-]?call(?:s|ing)?)\b"
    r"|\b(?:tools?|tool[ _-]?(?:use|calls?|calling|choice)|function[ _-]?call(?:s|ing)?)\b[^.;:]{0,60}"
    r"\b(?:not|n't|un)(?: be| yet| currently)*[ -]?(?:support\w*|available|enabled|implemented|allowed)"
    r"|\bunsupported(?: \w+){0,3} (?:tools?|functions?)\b"
    r"|(?:\blacks?|\bwithout|\bno|(?:\bnot|n't) (?:have|offer|provide))(?: (?:any|the|native|built-in))?"
    r" (?:tools?|functions?)(?:[ _-](?:use|calls?|calling))? (?:support|capabilit\w+|abilit\w+|features?)\b"
    r"|\blacks? (?:tool|function)[ _-](?:use|calling)\b"
    r"|(?:\bnot|n't|\bin) ?(?:capable of|able to) (?:use |do |make )?"
    r"(?:tools?|functions?)(?:[ _-](?:use|calls?|calling))?\b"
    r"|enable-auto-tool-choice|tool-call-parser|\btools param requires\b",
)
_UNKNOWN_MODEL: Final = re.compile(
    r"\bmodel\b.{0,120}(?:\b(?:does|do)(?:n't| not) exist|\bnot exist|\bnot found|\bunknown|\bnot (?:be )?found"
    r"|\bno (?:access|such)|\bnot (?:a )?(?:valid|available|loaded|supported))"
    r"|\b(?:unknown|invalid|no such|unsupported|not a valid) model\b|\bno models? (?:loaded|found)\b|模型不存在"
)
_COUNT: Final = re.compile(
    r"\bmax_(?:completion_|output_|new_)?tokens\b|\bmax(?:imum)? (?:number of )?(?:output |completion )?tokens\b"
    r"|\bmax(?:output|completion|new)?tokens\b|\b(?:output|completion|response) tokens\b"
    r"|\b(?:output|completion) (?:cap|limit|length)\b|\brequested (?:an? )?(?:output|completion)\b"
    r"|\boutput of (?:this|the) model\b"
)
_OVER: Final = re.compile(
    r"too (?:large|big|high|many)|larger than|greater than|exceed|(?:valid|supported) range|range of|should be|must be"
    r"|at most|above max|maximum allowed|<=| > \d|\b(?:cap|limit)\b|\blimited to\b"
)
_MUST: Final = r"\b(?:must|should|has to|have to|needs? to) (?:be )?(?:\w+ )?"
_UNDER: Final = re.compile(
    r"\bpositive\b|\bat least\b|\bno(?:t)? (?:less|lower|smaller) than\b|\btoo (?:small|low|short|few)\b|>="
    rf"|{_MUST}(?<!not )(?<!not be )(?:greater|larger|more|higher|bigger|above)\b|{_MUST}(?<!not )exceed\b|{_MUST}>"
    r"|\b(?:below|under|less than|lower than|smaller than) (?:the |a |its )?min|\bnon-?(?:zero|negative)\b"
    r"|(?:greater|larger) than or equal"
    r"|\bhigher max|\b(?:increase|raise) (?:\w+ ){0,2}\W?max_|\blimit was reached\b"
    r"|\bnot be (?:less|lower|smaller) than\b"
)
"""Tells that what the answer may have is too little."""
_MOST: Final = re.compile(
    r"at most|less than or equal|<=|maximum|up to|no more than|(?<!equal )\bto \d|range|between|, ?\d+\]"
)
_BUDGET: Final = re.compile(
    r"budget\w*\W{1,3}.{0,60}\b(?:less|smaller|lower) than(?: or equal to)?\W{1,3}(?:the )?\W?max_"
    r"|\bmax_\w+\W{1,3}.{0,20}\b(?:greater|larger|more|higher) than(?: or equal to)?\W{1,3}(?:\w+\W){0,2}?\w*budget"
)
"""Tells that thinking alone may have as much as the answer with it."""
_LEAST: Final = re.compile(r"(?:at least|from|between|\[|>=|greater than or equal to) ?(\d+)")
_GIVEN: Final = re.compile(r"(?:value of|\bgot|given|received|\bwas|input_value=|you (?:sent|passed))\W{0,3}(-?\d+)")
_KIND: Final = re.compile(
    r"(?:should|must) be (?:an? (?:valid )?(?:integer|int|number|string|object|float)\b"
    r"|set\b|of type|provided|specified|present)"
    r"(?!.*(?:less|at most|<=|between|range|exceed))"
)
"""The field's type is what is wrong, or that it lacks."""
_NAMED: Final = (
    re.compile(
        r"(?:unknown|unsupported|unrecogni[sz]ed|unexpected|invalid|extra|deprecated)(?: request)?"
        r" (?:parameter|param|field|value|argument|property|key|option)s?(?: supplied)?:? [`'\"]?([a-z_]{2,40})"
    ),
    re.compile(
        r"[`'\"]([a-z_]{2,40})[`'\"]:? "
        r"(?:is not|isn't|does not|not|cannot be|is no longer|is deprecated|was unexpected)"
    ),
    re.compile(r"\b([a-z]+(?:_[a-z]+)*):? (?:is not supported|extra inputs are not permitted|is deprecated)"),
)
_SYSTEM: Final = re.compile(
    r"\bsystem (?:role|messages?|prompts?|instructions?)\b.{0,40}\b(?:not|un)\W?(?:be )?(?:support|allow|permit|enable)"
    r"|(?:unsupported|invalid|unknown) (?:message )?role:? \W?system|roles? \W?system\W? (?:is|are)? ?not"
)
_STREAM_ONLY: Final = re.compile(
    r"only supports? stream|stream(?:ing)? (?:is |must be )?(?:required|enabled|set to true)"
)
_NO_STREAM: Final = re.compile(r"(?:does not|doesn't|not) support stream|stream(?:ing)? is not supported")
_PARAMETERS: Final = frozenset(
    {
        "enable_thinking",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "min_p",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "repetition_penalty",
        "seed",
        "service_tier",
        "stop",
        "store",
        "temperature",
        "thinking_budget",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)
"""Fields of a request that a run's settings add, and nothing else does."""


def mend_of(body: ErrorBody) -> Mend | None:
    """Say which setting mends a refused request. None: that is not known."""
    words = body.words.lower()
    if _TOOLS.search(words) or "tools" in _refused_params(body):
        return Mend(
            "use a model that takes tool calls", "set models.ROLE.tools=false: commands are then read from its text"
        )
    if "max_completion_tokens" in words and "max_tokens" in words and _NAMED[1].search(words):
        return _instead(words)
    if _COUNT.search(words) and not _KIND.search(words) and (found := _mend_of_length(words)):
        return found
    return _mend_of_shape(body, words)


def _mend_of_length(words: str) -> Mend | None:
    """Tell an answer that may have too little from one that may have too much. None: it is neither."""
    name = "max_completion_tokens" if "max_completion_tokens" in words else "max_tokens"
    least, given = _LEAST.search(words), _GIVEN.search(words)
    if _BUDGET.search(words):
        short = True
    elif least is not None and given is not None:
        short = int(given[1]) < int(least[1])
    else:
        short = _UNDER.search(words) is not None and not _MOST.search(words)
    if short:
        thinking = ", or lower the budget of thinking" if "budget" in words else ""
        return Mend("ask for longer answers", f"raise models.ROLE.parameters.{name}{thinking}")
    if _OVER.search(words):
        return Mend("ask for shorter answers", f"lower models.ROLE.parameters.{name}")
    return None


def _mend_of_shape(body: ErrorBody, words: str) -> Mend | None:
    """Look for the field that is not wanted."""
    if _SYSTEM.search(words):
        return Mend("use a model, or a chat template, that takes a system message", None)
    if streamed := _mend_of_stream(body, words):
        return streamed
    if name := _unwanted(body, words):
        return Mend(f"leave out {name}", f"take {name} out of models.ROLE.parameters")
    if Meaning.MODEL in meanings_of(body) or _UNKNOWN_MODEL.search(words):
        return Mend("name a model that this endpoint has", "set models.ROLE.model to one that this endpoint has")
    return None


def _mend_of_stream(body: ErrorBody, words: str) -> Mend | None:
    """Say how an answer is to be asked for."""
    if _STREAM_ONLY.search(words):
        return Mend("ask for a stream", "set models.ROLE.stream=true")
    if "stream_options" in words or "stream_options" in body.params:
        return Mend("do not ask for the usage of a stream", "set models.ROLE.stream_usage=false")
    if _NO_STREAM.search(words):
        return Mend("ask for no stream", "set models.ROLE.stream=false")
    return None


def _instead(words: str) -> Mend:
    """Choose between the two names that the length of an answer goes by: the refused one is named first."""
    first = re.search(r"max_(?:completion_)?tokens", words)
    wrong, right = "max_tokens", "max_completion_tokens"
    if first is not None and first[0] == right:
        wrong, right = right, wrong
    return Mend(f"use {right} instead of {wrong}", f"set models.ROLE.parameters.{right} instead of {wrong}")


def _unwanted(body: ErrorBody, words: str) -> str | None:
    """Name the parameter that is refused as such. None: none is, or none that settings add."""
    named = [match[1] for form in _NAMED if (match := form.search(words))]
    return next((name for name in (*sorted(_refused_params(body)), *named) if name in _PARAMETERS), None)


def _refused_params(body: ErrorBody) -> frozenset[str]:
    """Give the parameters that are refused as such, not for their values' sake alone."""
    refused = {"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"} & body.codes
    return frozenset(re.split(r"[.\[]", each)[0] for each in body.params) if refused else frozenset()
