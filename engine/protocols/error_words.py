"""What a provider's words say where no code does; the last resort, so each rule has what it must not be mistaken for.

A wrong "too long" makes a setting that the provider refuses a failed attempt, and so an untrue score; a missed one only
leaves an attempt without a score. So words count only if they name both sides (what was said, and what it exceeds), and
never where they tell of a rate, of an unknown field, or of the length of the answer alone.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

Test = Callable[[str], object]


def _any(*forms: str) -> Test:
    return re.compile("|".join(forms)).search


_SPOKEN: Final = r"\b(?:prompts?|inputs?|messages?|conversation|chat history|history)\b"
"""What was said to the model."""
_WINDOW: Final = (
    r"(?:\bcontext[ _-]?(?:length|window|size|limit|budget|capacity)s?\b|\bmax(?:imum)?[ _]context(?:_length)?\b"
    r"|\bmax(?:imum)?[ _](?:allowed[ _])?(?:prompt|input|sequence|seq|model)[ _](?:length|len|size|tokens?)\b"
    r"|\bmax(?:imum)?[ _]message[ _]tokens\b|\bmax_prompt_tokens\b|\bn_ctx\w*|\bsequence length\b)"
)
"""What it has to fit into."""
_TOKENS: Final = r"\b(?:model|input|prompt)?'?s? ?token limit\b"
_EXCEEDS: Final = (
    r"(?:\bexceed\w*|\bsurpass\w*|\boverflow\w*|\b(?:longer|larger|greater|bigger|more) than\b|\bover the\b|\bbeyond\b"
    r"|\btoo (?:long|large|big|many)\b|\b(?:do|does|did|will|can)(?:es)?(?:n't| ?not) fit\b|\bout of\b|\breached\b"
    r"|\bmust have less\b|\b(?:must|should) be (?:<=?|less|at most|smaller|within|no more)|>=?)"
)
_ANSWER: Final = (
    r"(?:\bmax_?(?:completion|output|new|gen)?_?tokens\b|\bmax(?:completion|output|new)tokens\b|\bbudget_tokens\b"
    r"|\bmax(?:imum)? (?:number of )?(?:output|completion|new|generated?)\b|\b(?:output|completion|response) tokens?\b"
    r"|\bmaximum tokens (?:you|value|requested)|\boutput (?:length|limit)\b|\bn_predict\b|输出)"
)
"""The length of the answer, which is a setting."""

_WAITING: Final = _any(
    r"\bper[ -](?:min(?:ute)?|sec(?:ond)?|hour|day|week|month)\b",
    r"\b[rt]p[mds]\b",
    r"\brate[ _-]?limit",
    r"\btoo many requests\b",
    r"throttl",
    r"\bquotas?\b",
    r"concurren",
    r"\b(?:daily|weekly|monthly|hourly)\b|\b(?:this|last|the|a|each|every) (?:minute|second|hour|day|week|month)\b",
    r"\b(?:try again|retry) (?:in|after) \d|\b(?:minutes?|hours?|seconds?)\b|/ ?(?:min|sec|hour|day)\b",
    r"\b(?:upgrade|plans?|billing|subscription|balance|credits?|usage limits?|paid|pay|wallet|packages?)\b",
    r"\bplease wait\b",
    r"\bslow down\b",
    r"每分钟|频率|速率|并发|限流|次数",
    r"\b(?:cuda|gpu|vram|kv cache|out of memory|system memory)\b",
)
_FIELD: Final = _any(
    r"\b(?:unknown|unrecogni[sz]ed|unexpected|unsupported|undefined|extra|additional|missing|duplicate|no such)"
    r" (?:\w+ ){0,2}?(?:fields?|param\w*|arguments?|propert\w+|keys?|keyword|options?|inputs?|name|attributes?)\b",
    r"\bnot (?:permitted|of type|a valid|recogni[sz]ed|an? allowed)\b",
    r"\b(?:is|are) (?:not supported|required|deprecated|not allowed)\b",
    r"\bmust be (?:of type|an? |one of|either|greater|at least|positive|non|set|true|false|boolean|string|integer)",
    r"\b(?:string|array|list|object) too (?:long|large|many)\b",
    # What cannot be read is often quoted, and may say anything.
    r"\b(?:failed|unable|could not|cannot|error) (?:to )?pars(?:e|ing)\b|\binvalid (?:schema|json|tool|function)\b",
    r"\b(?:images?|files?|documents?|audio|videos?|attachments?|schemas?) (?:size|dimensions?|length|resolution)s?\b",
    r"\bdid you mean\b|\bdoes not exist\b|\bmutually exclusive\b|\bcannot be used\b|\bis not available\b",
    r"\b(?:input|value) should be\b",
    r"\b(?:context[ _-]?(?:length|window|size)|num_ctx|n_ctx|max_model_len)\b\W{0,3}(?:must|should|needs to)\b",
    r"\b(?:context_(?:length|window|size)|num_ctx|n_ctx|max_model_len)\b.{0,12}"
    r"\b(?:larger|greater|too (?:large|big)|exceeds?)\b",
)
_OTHER: Final = _any(
    r"\b(?:images?|pictures?|photos?|files?|documents?|pdfs?|audio|videos?|attachments?|tools?|functions?|schemas?)\b",
    r"\b(?:stop|metadata|names?|ids?|identifier|labels?|titles?|description|headers?|batch(?:es)?|embeddings?|suffix)\b",
    r"\b(?:temperature|top_[pk]|min_p|\w*penalty)\b|图片|图像|文件|音频",
    r"\b(?:logit\w*|logprobs?|cache_control|caching|seed|payload|entity|flagged|violations?)\b",
    r"\b(?:templates?|variables?|placeholders?|nesting|nested|depth|levels)\b",
    r"\b(?:arrays?|lists?|items?|elements?|entries|rows?)\b",
    r"\b\d*\s?(?:bytes?|kb|mb|gb|kib|mib|gib)\b",
)
"""What else can be too long, too large or too many."""

_MEASURED: Final = _any(
    r"\btokens?\b|\blength\b|\bsize\b|\bcontext\b|\bwhat (?:the|this) model\b|\btoo (?:long|large|big)\b|\bfit\b",
    r"\bmodel'?s? (?:input )?limit\b|\bmodel supports\b|[\u4e00-\u9fff]",
    rf"\b(?:reduce|shorten|decrease|trim|truncate)\b.{{0,40}}{_SPOKEN}",
)
"""Tells that the whole is measured, and not counted in messages, lines or whatever else a prompt consists of."""
_COUNTED: Final = _any(
    r"\btoo many (?!(?:\w+ ){0,3}tokens?\b)",
    r"\bnumber of (?!(?:\w+ ){0,5}tokens?\b)",
    r"\b(?:more|less|fewer|longer|larger|greater|bigger) than (?:the )?"
    r"(?:\d+ (?=[a-z])|(?:one|two|three|four|five|ten|an?)\b)"
    r"(?! ?(?:\w+ ){0,3}tokens?\b)",
    r"\b(?:must|should|has to|have to|needs? to) (?:be|have|contain|include) (?:\w+ ){0,3}?"
    r"(?:longer|more|larger|greater) than\b",
    r"\b(?:messages?|turns?|lines?|characters?)[ _-](?:count|limit)\b",
    r"(?:数量|条数|个数|轮数)",
)
"""Something other than tokens is counted."""
_STATED: Final = _any(
    r"\bmax(?:imum)? (?:allowed |supported )?(?:context|prompt|input|sequence|model)[ _-]?(?:length|window|size)"
    r"(?: for this model| of (?!\d)\S+)?(?: is|:| =| \(| of)(?: only)? ?\d",
    r"\bcontext[ _-]?(?:length|window|size) (?:is|of) (?:only )?\d+k? tokens\b",
    r"\bmaximum context (?:length|window|size)\b",
    r"\b(?:supports|takes|accepts) (?:at most|up to|only) \d+ (?:tokens of context|(?:input|prompt) tokens)\b",
    r"\bonly (?:supports|takes|accepts|allows) \d+ tokens\b(?! (?:of|in|for) (?:the )?(?:output|completion|answer))",
)
"""Tells how much the model takes: nobody says so but to refuse more."""
_TOO_MUCH: Final = _any(
    rf"{_WINDOW}.{{0,80}}{_EXCEEDS}",
    rf"{_EXCEEDS}.{{0,80}}{_WINDOW}",
    rf"\brequested \d+ tokens\b.{{0,60}}{_WINDOW}|\bmodel(?:'s)? context is \d",
    r"\bexceed\w* (?:the |your |this )?(?:model'?s? )?(?:max(?:imum)? )?context\b(?! deadline)",
    r"\bcontext (?:\w+ ){0,2}(?:overflow\w*|too (?:long|large|big)|full\b)",
    r"\bcontext_?(?:window|length|size|limit)_?exceeded|\b(?:prompt|input|context)_?(?:is_)?too_?long\b",
    r"\btoo (?:long|large|big) for (?:the |this )?(?:model'?s? )?context\b",
)
_TOO_LONG: Final = _any(
    rf"{_SPOKEN}(?!\[)(?:[^:]|: ?\d){{0,60}}?{_EXCEEDS}",
    rf"{_TOKENS}.{{0,80}}{_EXCEEDS}|{_EXCEEDS}.{{0,80}}{_TOKENS}",
    rf"{_SPOKEN}.{{0,40}}\d+ tokens.{{0,40}}\b(?:limit|maximum) is\b",
    rf"\btoo (?:long|large) {_SPOKEN}|{_SPOKEN}.{{0,40}}\bmore tokens than\b",
    r"\btoo many (?:input |prompt )?tokens\b",
    r"\btokens? in (?:the |your )?(?:request|prompt|input|messages?)\b.{0,30}(?:more than|exceed)",
    r"\brange of input length should be\b",
    r"\d+ tokens? > \d+",
    r"\b(?:reduce|shorten|decrease|trim|truncate) (?:the |your )?(?:length of |size of |number of tokens in )?"
    rf"(?:the |your )?{_SPOKEN}",
    r"\b(?:chat|thread|dialog(?:ue)?|transcript) (?:is|was|has (?:become|grown|got|gotten)|got)"
    r" (?:now )?too (?:long|large)\b",
    r"\brequest\b.{0,40}(?:exceed\w*|too (?:long|large)|longer than)[^.]*\btokens?\b",
    r"(?:输入|提示词|上下文|对话|消息|prompt|tokens?).{0,16}(?:超长|过长|超出|超过|超限)",
)
_TOGETHER: Final = _any(
    rf"{_SPOKEN}.{{0,60}}(?:\+|\band\b|\bplus\b).{{0,40}}{_ANSWER}.{{0,60}}{_EXCEEDS}",
    rf"{_ANSWER}.{{0,40}}(?:\+|\band\b|\bplus\b).{{0,40}}{_SPOKEN}.{{0,60}}{_EXCEEDS}",
    r"\(\d+ (?:in|of|from|for) (?:the |your )?(?:messages?|prompt|text input|input).{0,60}?"
    r"\d+ (?:in|for) the (?:completion|output)",
    rf"{_ANSWER}.{{0,40}}{_EXCEEDS}.{{0,120}}\b(?:has|contains|with) \d+ (?:input|prompt) tokens",
)
"""What was said and what the answer may have, together."""
_AMOUNT: Final = r"(\d+(?:\.\d+)?)(?: ?(k|m))?\b"
_TAKES: Final = r"(?:takes?|accepts?|handles?|allows?|supports?|process(?:es)?|holds?|fits?)"
_SAID_FIRST: Final = re.compile(
    rf"{_SPOKEN}[^.\d]{{0,40}}{_AMOUNT}[^.\d]{{0,40}}\bmodel\b[^.\d]{{0,20}}\b{_TAKES}\b[^.\d]{{0,20}}{_AMOUNT}(?!\.?\d)"
    r"(?! (?!tok|at|max|in|of|for|and|but|or|after)[a-z])"
)
_MOST_FIRST: Final = re.compile(
    rf"\bmax(?:imum)? (?:model )?(?:input|prompt)\b[^.\d]{{0,20}}{_AMOUNT}[^.\d]{{0,40}}"
    rf"\b(?:sent|got|has|have|contains?|received|requested|given|is|was)\b[^.\d]{{0,20}}{_AMOUNT}"
)
"""Both amounts: what was said, and what the model takes."""
_TIMES: Final = {None: 1, "k": 1000, "m": 1_000_000}
_WINDOW_SIZES: Final = (
    re.compile(r"\+ \d+ > (\d+)"),
    re.compile(r"(?:context|model)[ _-](?:length|window|size|limit)\D{0,40}?(\d+)"),
    re.compile(r"must be <=? ?(\d+)"),
)
_ANSWER_SIZE: Final = re.compile(
    r"(\d+) (?:in|for) the (?:completion|output)|\+ (\d+) >"
    r"|\bmax_?(?:completion|output|new|gen)?_?tokens\W{0,4}(?:(?:of|is|was|value|too large|exceeds?)\W{1,3}){0,3}(\d+)"
)
_SENTENCE: Final = re.compile(r"(?<=[.;!?])\s+|(?<=。)")


class TooLong(NamedTuple):
    """The provider says that the conversation does not fit."""

    sure: bool
    """Whether it names the model's window, and not only that something is too long."""
    with_answer: bool
    """Whether what the answer may have is counted in, so that a setting takes part of the blame."""


def too_long(words: str) -> TooLong | None:
    """Say whether words tell that a conversation does not fit. None: they do not, or not clearly."""
    text = _plain(words)
    if _WAITING(text) or _FIELD(text):
        return None
    if _answer_alone(text):
        return None
    together = _TOGETHER(text) is not None
    sentences = [each for each in _SENTENCE.split(text) if together or not re.search(_ANSWER, each)]
    if together or any(_STATED(each) or (_TOO_MUCH(each) and not _COUNTED(each)) for each in sentences):
        return TooLong(sure=True, with_answer=together)
    if any(_TOO_LONG(each) and _MEASURED(each) and not _OTHER(each) and not _COUNTED(each) for each in sentences):
        return TooLong(sure=False, with_answer=False)
    if _told_by_amounts(text) and not re.search(_ANSWER, text) and not _OTHER(text):
        return TooLong(sure=False, with_answer=False)
    return None


def _told_by_amounts(text: str) -> bool:
    """Say whether more tokens were said than the model takes, by both amounts."""
    if "token" not in text:
        return False
    if found := _SAID_FIRST.search(text):
        said, most = found.group(1, 2), found.group(3, 4)
    elif found := _MOST_FIRST.search(text):
        most, said = found.group(1, 2), found.group(3, 4)
    else:
        return False
    return float(said[0]) * _TIMES[said[1]] > float(most[0]) * _TIMES[most[1]]


def _answer_alone(text: str) -> bool:
    """Say whether the answer alone is to have more than half of the window: then that setting is to blame."""
    window = next(filter(None, (each.search(text) for each in _WINDOW_SIZES)), None)
    answer = _ANSWER_SIZE.search(text)
    if window is None or answer is None:
        return False
    return 2 * float(next(filter(None, answer.groups()))) > float(window[1])


def _plain(words: str) -> str:
    """Write words alike: lower case, no quotes, no marks within numbers."""
    text = re.sub(
        r"[`\"'*\u2018\u201c\u201d]+(?=\W|$)|(?<!\w)[`\"'*\u2018\u201c\u201d]+",
        "",
        words.lower().replace("\u2019", "'"),
    )
    text = re.sub(r"(?<=\d)[,_](?=\d{3})", "", text)
    text = re.sub(r"(?<=[a-z0-9_])(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])(?=[a-z0-9_])", " ", text)
    text = re.sub(r"\b(?:invalid input|input validation error|validation error)\b:?", "", text)
    return " ".join(text.split())


_CREDIT_SURE: Final = _any(
    r"\binsufficient (?:account |user |your )?(?:balance|credits?|funds)\b",
    r"\b(?:balance|credits?|funds)\b (?:\w+ ){0,2}"
    r"(?:insufficient|not enough|too low|exhausted|depleted|used up|empty)\b",
    r"\b(?:out of|no (?:more |remaining )?|not enough|requires? more|ran out of) (?:credits?|funds|balance)\b",
    r"\bcan only afford\b|\bpayment required\b|\barrear|\boverdue (?:payment|balance|bill)|\bpast due\b",
    r"\b(?:add|purchase|buy) (?:more |additional )?(?:credits?|funds)\b|\bplease (?:recharge|top[ -]?up)\b",
    r"\bbilling\b.{0,40}\b(?:disabled|not enabled|not active|inactive|suspended|hard limit)\b|\benable billing\b",
    r"余额不足|欠费|请充值|额度不足|额度已用|预扣费额度",
)
_CREDIT: Final = _any(
    r"\bcheck your (?:plan|account|billing)",
    r"\bexceeded your (?:current|monthly) (?:quota|included)",
    r"\bkey limit exceeded\b",
    r"\b(?:reached|exceeded|hit)\b.{0,30}\b(?:spend(?:ing)?|budget|credit) (?:limits?|cap)\b",
    r"\b(?:spend(?:ing)?|budget|credit) (?:limits?|cap) (?:has been |was |is )?(?:reached|exceeded|hit)\b",
    r"\b(?:out of|no (?:more |remaining )?)tokens (?:\w+ )?(?:in|on) (?:\w+ )?"
    r"(?:package|plan|account|subscription|wallet)\b",
    r"\b(?:buy|purchase|order) (?:an? )?(?:new |more |another |additional )*(?:resource |token )?"
    r"(?:packages?|bundles?|tokens)\b",
    r"\b(?:used|consumed|spent) (?:up )?all (?:of )?(?:\w+ ){0,3}?(?:tokens|credits)\b(?!.{0,30}\bminute)",
    r"\b(?:package|bundle)s?\b.{0,30}\b(?:used up|exhausted|expired|empty|depleted)\b",
    r"\b(?:balance|credits?|wallet|funds)\b(?: [^\d.;]{0,40}?)?(?:\b(?:is|are|at|of|has|to)|:) ?(?:now |only |at )*"
    r"(?:zero|empty|negative|depleted|exhausted|\$? ?-?0(?:\.0+)?(?![.\d]*\d))",
    r"\bfree (?:tier |allocated )?quota\b.{0,30}\b(?:exhausted|exceeded|used up)\b",
    r"\baccount\b.{0,40}\b(?:suspended|deactivated)\b.{0,40}\b(?:billing|balance|plan)\b",
)
_USAGE: Final = _any(
    r"\b(?:reached|exceeded|hit)\b.{0,30}\busage (?:limits?|cap)\b",
    r"\busage (?:limits?|cap) (?:has been |was |is )?(?:reached|exceeded|hit)\b",
)
"""What a plan grants is used up: it is renewed, or else more has to be paid for."""
_SHORT: Final = _any(
    r"\bper[ -]?(?:min(?:ute)?|sec(?:ond)?)\b|\b[rt]p[ms]\b|/ ?min\b|每分钟|并发|\bconcurren",
    r"\brate[ _-]?limit\w* (?:reached|exceeded|hit)\b|\btoo many requests\b",
    r"(?<!free )\ballocated quota exceeded\b",
    r"\bquota exceeded for (?:quota )?metric\b|\bresource_?exhausted\b|\bresource has been exhausted\b",
)
"""What passes while one waits."""
_LONG: Final = _any(
    r"\bper[ -]?(?:day|week|month)\b|\b(?:daily|weekly|monthly)\b|\b[rt]pd\b|\b(?:today|tomorrow)\b",
    r"今日|每日|每周|每月",
    r"\b(?:\d+|five|several|few)[ -]?(?:hour|hr|h|day|week)s?[ -](?:\w+ ){0,2}(?:limit|quota|window|cap|allowance)\b",
    r"\b(?:for (?:this|the)|next|each|every) (?:day|week|month)\b|\bbilling (?:cycle|period)\b",
    r"\b(?:again|resets?|renew(?:s|ed)?|available|retry|back|regain access)\b.{0,20}"
    r"(?:\b\d{1,2}(?::\d\d)? ?[ap]\.?m\b|\bin (?:\d+|an?|a few|several) ?(?:hours?|days?|weeks?|h|d)\b"
    r"|\bon (?:mon|tues|wednes|thurs|fri|satur|sun)day\b)",
    r"\bquota exceeded for metric\b.{0,160}\blimit: 0\b",
)
_NUMBERS: Final = re.compile(r"\blimit:? (\d+)\b.{0,40}\brequested:? (\d+)\b")


def credit_spent(words: str, *, sure: bool) -> bool:
    """Say whether words tell that an account has no credit.

    Args:
        words: Of the provider.
        sure: Whether only what can mean nothing else counts, since the status speaks of something else.
    """
    text = _plain(words)
    return bool(_CREDIT_SURE(text) or (not sure and (_CREDIT(text) or _USAGE(text))))


def usage_only(words: str) -> bool:
    """Say whether words tell that a plan's usage limit is reached, and nothing of credit."""
    text = _plain(words)
    return bool(_USAGE(text) and not _CREDIT_SURE(text) and not _CREDIT(text))


def soon_again(words: str) -> bool:
    """Say whether words tell of a limit that is over within minutes, such as so many tokens a minute."""
    text = _plain(words)
    return bool(_SHORT(text) and not _LONG(text))


def renewed_later(words: str) -> bool:
    """Say whether words tell of a quota of a day or more, which a call cannot wait for."""
    return bool(_LONG(_plain(words)))


def never_fits(words: str) -> bool:
    """Say whether one request alone is beyond the limit of tokens a minute; it can be told by both numbers only."""
    found = _NUMBERS.search(_plain(words))
    return found is not None and float(found[2]) > float(found[1])


_STOPPED: Final = _any(
    r"\b(?:content|prompt|input|inputs|output|response|request|message|completion|text|generation)s?\b.{0,60}"
    r"\b(?:flagged|blocked|rejected|filtered|refused|violat\w+|disallowed|prohibited)\b",
    r"\b(?:flagged|blocked|rejected|filtered|violat\w+)\b.{0,60}"
    r"\b(?:content|prompt|input|output|response|message)s?\b",
)
_REASON: Final = _any(
    r"\b(?:content|usage|safety|moderation|acceptable use) ?(?:\w+ ){0,2}"
    r"(?:polic(?:y|ies)|guidelines?|filter\w*|system)\b",
    r"\b(?:moderation|safety|harmful|unsafe|sensitive|inappropriate|high risk|violence|sexual|hate|jailbreak)\b",
    r"\b(?:content[ _]management|responsible ai)\b",
)
_INAPPROPRIATE: Final = _any(
    r"\bmay contain (?:\w+ ){0,2}(?:inappropriate|sensitive|unsafe|harmful)\b",
    r"\b(?:input|prompt|content|message)s? (?:was|were|has been|have been|is|are) flagged\b(?! as required)",
    r"不安全|敏感内容|内容审核",
)


def filtered(words: str) -> bool:
    """Say whether words tell that a filter stopped a request; a field of that name is none."""
    text = _plain(words)
    if _FIELD(text):
        return False
    return bool(_INAPPROPRIATE(text) or (_STOPPED(text) and _REASON(text)))


_PICTURE: Final = r"(?:\bimage(?:s|_url)?\b|\bvision\b|\bmulti-?modal\w*|\bmmproj\b)"
_NO_IMAGES: Final = _any(
    rf"\b(?:do|does|did)(?:es)?(?:n't| not) (?:support|accept|take|allow)(?: \w+){{0,3}}? {_PICTURE}"
    r"(?! (?:\w+ ){0,2}?(?:larger|bigger|over|above|beyond|of|with|in|formats?|sizes?|types?|generation|outputs?)\b)",
    r"\bno endpoints found that support image\b",
    r"\bimages?(?: url)?(?: inputs?| content| modality| parts?){0,2} (?:is|are) not (?:supported|enabled|accepted)\b",
    r"\bimage_url(?:\W| ){1,3}(?:is|are) (?:not supported|only supported by)",
    r"\bis not (?:a )?multi-?modal\b|\bnot configured with a mmproj\b|\bnot compiled for multimodal\b",
    r"\b(?:unknown variant|unsupported content(?: part)? type)\W{1,4}(?:image_url|image|input_image)\b",
)


def images_unsupported(words: str) -> bool:
    """Say whether words tell that a model takes no images; not that one is too large, or of another kind."""
    return bool(_NO_IMAGES(_plain(words)))
