"""Rules about sentences, over folded text: instructions to a reader's model, and talk of who grades it.

Sentences are folded to lower case and single spaces before; a line end divides paragraphs.
"""

from typing import Final

from engine.policies.scan.rule import ScanRule, ruled

_GAP: Final = r"(?:[^\s.]+ ){0,4}?"
_ORDERS: Final = (
    r"(?:instructions?|prompts?|rules?|directives?|guidelines?|guardrails?|constraints?|orders?|commands?|messages?|"
    r"policies|policy|restrictions?|training|programming)"
)
_GRADER: Final = (
    r"(?:(?:auto)?graders?|verifiers?|hidden (?:tests?|checks?)|test harness|(?:scoring|grading) (?:script|harness|"
    r"rubric)|"
    r"judge model|evaluation script)"
)
_GRADED: Final = (
    r"(?:match\w*|compare[sd]?|graded|graders?|grading|verifiers?|hidden|tests?|expected|scor(?:es?|ed|ing)|answers?)"
)
_OFTEN: Final = (
    r"(?:(?:often|usually|always|also|only|will|may|might|then|typically|frequently|generally|likely|probably|mostly|"
    r"explicitly|simply|just|can|does|must|should|not|sometimes|internally|here|actually|really) ){0,3}"
)
_CHECKS: Final = (
    r"(?:checks?|expects?|compares?|looks? (?:for|at)|requires?|verif(?:y|ies)|asserts?|wants?|counts?|awards?|scores?|"
    r"tests?|penali[sz]es?|accepts?|rejects?|validates?|rewards?|passes|fails)"
)
_SECRETS: Final = (
    r"(?:api keys?|secrets?|credentials?|access tokens?|tokens?|passwords?|private keys?|ssh keys?|environment "
    r"variables|"
    r"env vars?|cookies|conversation(?: history)?|chat history|system prompt)"
)
_SENDS: Final = (
    r"(?:send|post|upload|transmit|forward|exfiltrat|leak|e-?mail|mail|copy|submit|push|put|share|paste|publish|"
    r"deliver|report)(?:e|s|es|ing)?"
)
_WORDS: Final = r"(?:\S*[^\s.!?] ){0,16}?"
"""Of one sentence: a word that ends in a full stop is its last."""
_PRIVATE: Final = (
    r"(?:/?\.ssh(?:/(?!authorized_?keys|known_?hosts|config)\S*)?(?<!\.pub)(?<!\.pub[.,;)])(?=[.,;)]*(?:\s|$))|"
    r"\bid_?(?:rsa|ed25519|ecdsa|dsa)\b(?!\.pub)|\.aws(?:/credentials)?\b|\.gnupg\b|\.netrc\b|\.kube\b|"
    r"\.git-credentials\b|\.npmrc\b|\.pypirc\b|\.docker/config\.json\b|\.config/(?:gh|gcloud)\b|/etc/shadow\b|"
    r"/proc/(?:self|\d+)/environ\b|\bos\.environ\b|\bprocess\.env\b|"
    r"(?<!to )(?<!to your )(?<!to the )(?<!to a )(?<![\w.-])\.env(?:\.(?:local|production|prod))?(?![\w-]|\.\w)|"
    r"\$\{?\w*(?:key|token|secret|password)\b)"
)
"""Paths and variables as folding leaves them: without ``~``, ``_`` and ``*``."""
_ADDRESS: Final = (
    r"[<(\[]{0,2}(?:(?:https?|s?ftp|s3|gs|wss?)://(?!localhost|127\.|0\.0\.0\.0|\[::1\])|[\w.+-]+@[\w-]+\.\w|"
    r"\d{1,3}(?:\.\d{1,3}){3}\b(?<!127\.0\.0\.1)(?<!0\.0\.0\.0)|"
    r"(?:[\w-]+\.)+(?:com|net|org|io|dev|example|invalid|xyz|ru|cn)\b)"
)

INJECTION: Final[tuple[ScanRule, ...]] = (
    ruled(
        "injection",
        "high",
        "it tells a reader's model to set its instructions aside",
        r"\b(?:ignore|disregard|forget|override|bypass|discard|neglect|stop following|(?:do not|dont|never) (?:follow|"
        r"obey"
        rf"|heed)) {_GAP}(?:previous|prior|above|earlier|preceding|foregoing|system|developers?|original|initial|"
        rf"safety|"
        rf"existing|users?|other) (?:[^\s.]+ ){{0,2}}?{_ORDERS}\b",
        *("ignore", "disregard", "forget", "override", "bypass", "discard", "neglect", "follow", "obey", "heed"),
    ),
    ruled(
        "injection",
        "high",
        "it tells a reader's model to set its instructions aside",
        r"\b(?:ignore|disregard|forget|override|bypass|abandon) (?:all |any )?(?:of )?(?:your (?:own )?(?:[^\s.]+ )?(?:"
        r"instructions?|prompt|rules|guidelines|guardrails|training|programming|directives|restrictions|policies)|"
        r"(?:all|any)"
        r" (?:the )?(?:instructions|prompts|directives|guardrails|restrictions|safety \w+))\b",
        *("ignore", "disregard", "forget", "override", "bypass", "abandon"),
    ),
    ruled(
        "injection",
        "high",
        "it tells a reader's model to set its instructions aside",
        r"\b(?:ignore|disregard|forget) (?:everything|anything|all|what)(?: of)?(?: that)?(?: was| were| is| you were|"
        r" you have been| you| i)? (?:said|told|written|instructed|before|above|previously|given|know|learned)\b",
        *("ignore", "disregard", "forget"),
    ),
    ruled(
        "injection",
        "high",
        "it gives a reader's model another role",
        r"\byou are (?:no longer (?:an?|bound|restricted|required|limited|under)|now (?:in|an? (?:\w+ "
        r")?(?:unrestricted|"
        r"different|free|evil|uncensored|unfiltered)|dan\b|free (?:of|from|to)|unrestricted|acting as|operating (?:as|"
        r"in|"
        r"under)))|\bdo anything now\b",
        *("you are", "anything now"),
    ),
    ruled(
        "injection",
        "high",
        "it gives a reader's model another role",
        r"\b(?:act|behave|respond|answer|pretend|role-?play) (?:as|like|to be|that|you) (?:[^\s.]+ ){0,7}?(?:(?:no|"
        r"without"
        r"(?: any)?) (?:ethical |moral |safety |content )?(?:restrictions?|limits?|limitations?|rules|filters?|"
        r"guidelines|"
        r"safety|ethics|guardrails)|unrestricted|unfiltered|uncensored)\b",
        *("act", "behave", "respond", "answer", "pretend", "play"),
    ),
    ruled(
        "injection",
        "high",
        "it gives a reader's model another role",
        r"\b(?:developer|god|jailbreak|dan|unrestricted|debug|maintenance) mode (?:is )?(?:now )?(?:enabled|activated|"
        r"engaged|unlocked)",
        "mode",
    ),
    ruled(
        "injection",
        "high",
        "it poses as a message of higher rank",
        r"\b(?:new|updated|revised|important|urgent) (?:system|admin(?:istrator)?|developer|operator) (?:instructions?|"
        r"prompt|message|directive|override)s?\b",
        *("system", "admin", "developer", "operator"),
    ),
    ruled(
        "injection",
        "high",
        "it asks for what a reader's model keeps to itself",
        r"\b(?:reveal|print|repeat|output|leak|disclose|recite|expose|dump|show|tell|give) (?:(?:me|us|back|out|all|"
        r"everything in|the|full|contents?|text|of|exactly|here) ){0,4}(?:your (?:full |entire |whole |"
        r"hidden |exact |initial |internal )?(?:system )?(?:prompt|instructions)|the system prompt(?= ?[.?!]| ?$)|"
        r"(?:the |its )?(?:hidden|system|developer|initial|full)"
        r" (?:system )?(?:prompt|instructions|message) (?:above|verbatim|in full|word for word|to|back))\b",
        *("prompt", "hidden instructions", "message"),
    ),
    ruled(
        "injection",
        "high",
        "it has something done behind the user's back",
        r"\b(?:(?:secretly|covertly|surreptitiously) (?:run|execute|send|upload|copy|install|add|download|delete|read|"
        r"post|append|include)|without (?:the )?users? (?:knowledge|consent|knowing|noticing|permission)|behind the "
        r"users? "
        r"back)",
        *("secretly", "covertly", "surreptitiously", "without", "behind"),
    ),
    ruled(
        "injection",
        "medium",
        "it has something kept from the user",
        r"\b(?:do not|dont|never|without) (?:ever )?(?:tell|telling|inform|informing|alert|alerting|notify|notifying|"
        r"warn|"
        r"warning|mention(?:ing)? (?:this|it|that) to|reveal(?:ing)? (?:this|it|that) to|disclos(?:e|ing) (?:this|it|"
        r"that)"
        r" to|report(?:ing)? (?:this|it|that) to) (?:the |any )?(?:users?|humans?|operators?|developers?|anyone|"
        r"reviewers?|"
        r"owner)\b(?! (?:to|how|that you (?:can|could))\b)",
        *("tell", "inform", "alert", "notify", "warn", "mention", "reveal", "disclos", "report"),
    ),
    ruled(
        "injection",
        "medium",
        "it has safety checks left out",
        r"\b(?:disable|turn off|skip|suppress|bypass|circumvent|evade) (?:all |any |the |every )?(?:safety|security|"
        r"content|"
        r"permission|approval|moderation) (?:checks?|filters?|measures?|guardrails?|prompts?|policies|policy|controls?|"
        r"reviews?)",
        *("disable", "turn off", "skip", "suppress", "bypass", "circumvent", "evade"),
    ),
    ruled(
        "exfiltration",
        "high",
        "it has secrets sent away",
        rf"\b(?:send|post|upload|transmit|forward|exfiltrate|leak|e-?mail|mail|copy|submit) (?:\S+ ){{0,8}}?{_SECRETS} "
        r"(?:\S+ ){0,8}?(?:to|via|through|at) (?:\S+ ){0,3}?(?:https?://|ftp://|\S+@\S+\.\S+)",
        *("http", "ftp", "@"),
    ),
    ruled(
        "exfiltration",
        "high",
        "it has private keys or stored credentials sent away",
        rf"\b{_SENDS} (?={_WORDS}(?:to|via|through|at|into|on|with) (?:\S*[^\s.!?] ){{0,3}}?{_ADDRESS})"
        rf"(?:\S*[^\s.!?] ){{0,16}}?[^\s.]{{0,40}}?{_PRIVATE}",
        *("ssh", "idrsa", "id_", "aws", "gnupg", "netrc", "kube", "git-credentials", "npmrc", "pypirc", "docker"),
        *("config", "shadow", "environ", ".env", "$", "ided25519", "idecdsa", "iddsa"),
    ),
    ruled(
        "exfiltration",
        "high",
        "it has data taken away",
        rf"\bexfiltrat\w* {_GAP}(?:data|files?|secrets?|keys?|credentials?|contents?|it|them|everything)\b",
        "exfiltrat",
    ),
)

GRADER: Final[tuple[ScanRule, ...]] = (
    ruled(
        "grader",
        "high",
        "it says what a grader looks at, which is learnt from grading and not from the work",
        rf"\b{_GRADER} {_OFTEN}{_CHECKS}\b",
        *("grader", "verifier", "hidden", "harness", "rubric", "judge", "evaluation", "scoring", "grading"),
    ),
    ruled(
        "grader",
        "high",
        "it aims at a grader and not at the work",
        rf"\b(?:pass|satisf(?:y|ies)|fool|game|please|appease|trick|match|beat|cheat|avoid failing) (?:[^\s.]+ "
        rf"){{0,3}}?"
        rf"{_GRADER}\b",
        *("grader", "verifier", "hidden", "harness", "rubric", "judge", "evaluation", "scoring", "grading"),
    ),
    ruled(
        "grader",
        "high",
        "it names files of a verifier",
        r"\btest_?outputs\.py\b|/logs/verifier\b|\breward\.(?:txt|json)\b",
        *("outputs.py", "/logs/verifier", "reward."),
    ),
    ruled(
        "grader",
        "high",
        "it states a value that a test expects",
        r"\b(?:tests?|checks?|assertions?) (?:[^\s.]+ ){0,2}?(?:expects?|wants?|requires?|asserts?|looks? for) "
        r"(?:[^\s.]+ )"
        r"{0,5}?[-+$]?\d[\d,.]*\b(?! (?:arguments?|args|parameters?|columns?)\b)",
        *("expect", "want", "require", "assert", "look"),
    ),
    ruled(
        "grader",
        "high",
        "it states an expected result of the task",
        r"\b(?:the )?expected (?:[^\s.]+ )?(?:counts?|values?|answers?|totals?|results?) (?:is|are|of|=|:) ?(?:exactly "
        r"|about "
        r")?[-+$]?\d",
        "expected",
    ),
    ruled(
        "grader",
        "high",
        "it speaks of the truth that answers are graded by, which who does the work does not have",
        rf"\b{_GRADED} (?:[^\s.]+ ){{0,4}}?ground[ -]truth\b|\bground[ -]truth (?:[^\s.]+ ){{0,4}}?{_GRADED}",
        "ground",
    ),
    ruled(
        "grader",
        "low",
        "it speaks of the ground truth, which who does the work does not have",
        r"\bground[ -]truth\b",
        "ground",
    ),
)
