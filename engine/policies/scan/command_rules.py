"""Rules about commands, over text of one command a line, single spaces: what destroys, what sends data away.

They read prose as well as code: an agent runs a command wherever it finds it.
"""

from typing import Final

from engine.policies.scan.rule import ScanRule, ruled

_PRIVATE_HINTS: Final = (
    "ssh",
    "aws",
    "gnupg",
    "netrc",
    "kube",
    "config",
    "credentials",
    "npmrc",
    "pypirc",
    "id_",
    "shadow",
    "environ",
)
"""One of these stands wherever `_PRIVATE` matches."""

_PRIVATE: Final = (
    r"(?:(?:~|\$\{?HOME\}?|/root|/home/[\w.$-]+|/Users/[\w.$-]+)/\.(?:ssh(?!/(?:authorized_keys|known_hosts|"
    r"config))|aws|gnupg|netrc|kube|docker/config\.json|git-credentials|npmrc|pypirc|config/gh|config/gcloud)\b|"
    r"\bid_(?:rsa|ed25519|ecdsa|dsa)\b(?!\.pub)|\.git-credentials\b|"
    r"/etc/shadow\b|/proc/(?:self|\d+|\$\$)/environ\b|\.aws/credentials\b)"
)
_SYSTEM: Final = r"(?:bin|boot|dev|etc|home|lib|lib64|opt|proc|root|sbin|srv|sys|usr|var|Users|System|Library)"
_END: Final = r"(?=[\s;&|)'\"`]|$)"
_ROOTS: Final = rf"(?:/(?:{_SYSTEM}/?)?\*?|~/?\*?|\$\{{?HOME\}}?/?\*?|[A-Za-z]:\\?\*?){_END}"
_FORCED: Final = (
    r"\brm (?:(?:-[A-Za-z-]+|--[a-z-]+) )*(?:-[A-Za-z]*[rR][A-Za-z]*|--recursive) (?:(?:-[A-Za-z]+|--[a-z-]+) )*"
)

_DESTRUCTIVE: Final[tuple[ScanRule, ...]] = (
    ruled("destructive", "high", "it removes a whole system or home", rf"{_FORCED}[\"']?{_ROOTS}", "rm "),
    ruled(
        "destructive", "high", "it removes a whole system or home", r"\brm [^\n`]*--no-preserve-root", "preserve-root"
    ),
    ruled(
        "destructive",
        "medium",
        "it removes whatever the folder of the moment or an unset variable leads to",
        rf"{_FORCED}[\"']?(?:\.?/?\*|\.\.?/?|\$\{{?\w+\}}?[\"']?/\*){_END}",
        "rm ",
    ),
    ruled("destructive", "low", "it removes what lies in a home", rf"{_FORCED}[\"']?(?:~|\$\{{?HOME\}}?)/\w", "rm "),
    ruled("destructive", "high", "it formats a file system", r"\bmkfs(?:\.\w+)? (?:-\S+ (?:\S+ )?)*/dev/", "mkfs"),
    ruled("destructive", "high", "it overwrites a disk", r"\bdd [^\n`]*\bof=[\"']?/dev/(?!null|stdout|fd|shm)", "of="),
    ruled(
        "destructive",
        "high",
        "it overwrites a disk",
        r">\s?/dev/(?:sd|hd|vd|nvme|disk|mmcblk)\w*|\b(?:wipefs|shred|blkdiscard) [^\n`]*/dev/\w",
        "/dev/",
    ),
    ruled("destructive", "high", "it is a fork bomb", r"(\w+|:) ?\( ?\) ?\{ ?\1 ?\| ?\1 ?& ?\} ?; ?\1", "{"),
    ruled(
        "destructive",
        "high",
        "it opens a whole system to everybody",
        rf"\bchmod (?:-\S+ )*-?[A-Za-z]*R[A-Za-z]* (?:-\S+ )*(?:0?777|a\+rwx|ugo\+rwx) [\"']?{_ROOTS}"
        rf"|\bchmod (?:0?777|a\+rwx) -R [\"']?{_ROOTS}|\bchown -R \S+ [\"']?{_ROOTS}",
        *("chmod", "chown"),
    ),
    ruled("destructive", "medium", "it opens files to everybody", r"\bchmod -R (?:0?777|a\+rwx)\b", "chmod"),
    ruled(
        "destructive",
        "medium",
        "it rewrites the history of a shared repository",
        r"\bgit (?:-\S+ (?:\S+ )?)?push (?:[^\n;&|`]* )?(?:--force(?!-with-lease|-if-includes)\b|"
        r"-[a-zA-Z]*f[a-zA-Z]*\b|--mirror"
        r"|\+\w)",
        *("git ",),
    ),
    ruled(
        "destructive",
        "high",
        "it drops a database",
        r"\bdrop (?:database|schema)\b (?!if exists (?:test|tmp|temp)\w*)",
        "drop ",
    ),
    ruled("destructive", "medium", "it drops or empties a table", r"\b(?:drop|truncate) table\b", " table"),
    ruled(
        "destructive",
        "medium",
        "it deletes every row of a table",
        r"\bdelete from [\w.\"`]+ ?;",
        "delete from",
    ),
    ruled(
        "destructive",
        "high",
        "it deletes below the root of the system",
        rf"\bfind {_ROOTS}[^\n`]*(?:-delete|-exec rm)\b|\brmtree\( ?[\"'](?:/|~|/{_SYSTEM})/?[\"']",
        *("find ", "rmtree"),
    ),
    ruled(
        "destructive",
        "medium",
        "it tears down what others may use",
        r"\bkubectl delete (?:ns|namespaces?|all|[^\n`]*--all)\b|\bterraform destroy\b|\bdocker (?:system|volume) "
        r"prune "
        r"[^\n`]*(?:-a|-f|--all|--force|--volumes)\b|\bkill -(?:9|KILL) -1\b|\bcrontab -r\b",
        *("kubectl", "terraform", "docker", "kill ", "crontab"),
    ),
    ruled(
        "destructive",
        "high",
        "it removes a whole system or home",
        r"\bformat [A-Za-z]:(?= |$)|\b(?:del|rd|rmdir) (?:/\w )+[A-Za-z]:\\(?:\*|(?:Users|Windows)\b(?!\.)|[\s\"']|$)|"
        r"\bRemove-Item [^\n`]*-Recurse[^\n`]* [A-Za-z]:\\"
        r"(?:\*|Users|Windows|$)",
        *("format ", "del ", "rd ", "rmdir ", "remove-item"),
    ),
)

_EXFILTRATION: Final[tuple[ScanRule, ...]] = (
    ruled(
        "exfiltration",
        "high",
        "it sends the output of a command away",
        r"\| ?(?:sudo )?(?:nc|ncat|netcat|socat|telnet)\b|\| ?curl [^\n`]*(?:-d|-F|-T|--data\S*|--form|"
        r"--upload-file)[ =]?"
        r"[\"']?(?:@-|-|\w+=@-)",
        *("nc ", "ncat", "netcat", "socat", "telnet", "curl"),
    ),
    ruled(
        "exfiltration",
        "high",
        "it sends files, variables or the output of a command away",
        r"\b(?:curl|wget|http|https)[\"']?,? [\"']?(?:[^\n`]* [\"']?)?(?:-d|-F|-T|--data(?:-\w+)?|--form|--upload-file|"
        r"--post-data|--post-file|--body-\w+)"
        rf"[ =]?[^\n`]*(?:\$\((?!date\b)|[=\"':]`[a-z]|{_PRIVATE}|@/(?:etc|root|home|proc)/|@~/|\.env\b|\$\{{?(?:AWS|"
        rf"GITHUB|GH|OPENAI|"
        r"ANTHROPIC)_\w*(?:KEY|TOKEN|SECRET))",
        *("curl", "wget", "http"),
    ),
    ruled(
        "exfiltration",
        "high",
        "it puts the output of a command into an address",
        r"https?://[^\s\"'`]*\$\((?!date\b)|\b(?:dig|nslookup|host|ping) [^\n`]*\$\(",
        *("http", "dig ", "nslookup", "host ", "ping "),
    ),
    ruled(
        "exfiltration",
        "medium",
        "it puts a secret into an address",
        r"https?://[^\s\"'`/]+[/?][^\s\"'`]*(?:\$\{?\w*(?:KEY|TOKEN|SECRET|PASSWORD)\b|\{os\.environ|[\"'] ?\+ "
        r"?(?:process\."
        r"env|os\.environ)\b)",
        "http",
    ),
    ruled(
        "exfiltration",
        "medium",
        "it posts data to another machine",
        r"\b(?:curl|wget) (?=[^\n`]*(?:https?://|\$\w*URL))(?![^\n`]*https?://(?:localhost|127\.|0\.0\.0\.0|\[::1\]|"
        r"host\."
        r"docker\.internal))[^\n`]*(?<=\s)(?:-d|-F|-T|--data(?:-\w+)?|--form|--upload-file|--post-data|--post-file)\b",
        *("curl", "wget"),
    ),
    ruled(
        "exfiltration",
        "high",
        "it reads private keys or stored credentials",
        rf"(?:\b(?:cat|cp|tar|zip|scp|rsync|base64|xxd|less|head|tail|grep|strings|type)\b[^\n`>]*|\bopen\( ?[\"']|"
        rf"\bPath\( ?"
        rf"[\"']|\bread\w*\([^\n`]{{0,60}}?|< ?){_PRIVATE}",
        *_PRIVATE_HINTS,
    ),
    ruled(
        "exfiltration",
        "medium",
        "it names where private keys or credentials are kept",
        _PRIVATE,
        *_PRIVATE_HINTS,
    ),
    ruled(
        "exfiltration",
        "medium",
        "it dumps the environment, which holds keys",
        r"(?:^|[;&|(\n`$] ?|\bsudo |- )(?:env|printenv|export -p|declare -x)(?: -0)? ?(?:\| ?(?:base64|curl|nc|tee|"
        r"gzip|xxd|"
        r"openssl|sort)|>)"
        r"|(?:json\.dumps|dict|str|repr|print|pformat)\( ?(?:dict\( ?)?os\.environ ?\)|JSON\.stringify\( ?process\.env "
        r"?\)",
        *("env", "export -p", "declare -x"),
    ),
    ruled(
        "exfiltration",
        "high",
        "it sends the environment or a file away",
        rf"\b(?:requests|httpx|urllib\.request|aiohttp|axios|fetch)\b[^\n`]*(?:os\.environ ?[,)]|process\.env ?[,)}}]|"
        rf"{_PRIVATE})",
        *("requests", "httpx", "urllib", "aiohttp", "axios", "fetch"),
    ),
    ruled(
        "exfiltration",
        "high",
        "it opens a shell to another machine",
        r"-i [^\n`]*/dev/(?:tcp|udp)/|/dev/(?:tcp|udp)/[^\n`]*0>&1|\b(?:nc|ncat|netcat) (?:-\w+ )*-\w*[ec]\w* ?/?\w|"
        r"\bsocat [^\n`]*exec:|\bbash -i ?>&",
        *("/dev/tcp", "/dev/udp", "nc ", "ncat", "netcat", "socat", "bash -i"),
    ),
    ruled("exfiltration", "low", "it speaks to another machine by the shell alone", r"/dev/(?:tcp|udp)/", "/dev/"),
    ruled(
        "exfiltration",
        "high",
        "it names a service that collects what is sent to it",
        r"\b(?:webhook\.site|requestbin\.\w+|pipedream\.net|burpcollaborator\.net|interact\.sh|oast(?:ify)?\.\w+|"
        r"transfer\.sh|pastebin\.com/api|beeceptor\.com|canarytokens\.\w+)\b",
        *("webhook.site", "requestbin", "pipedream", "collaborator", "interact.sh", "oast", "transfer.sh", "pastebin"),
        *("beeceptor", "canarytokens"),
    ),
    ruled(
        "exfiltration",
        "medium",
        "it speaks to a machine by its number",
        r"\bhttps?://(?!127\.|0\.0\.0\.0|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|203\.0\.113\.|"
        r"198\.51\.100\.|"
        r"192\.0\.2\.)\d{1,3}(?:\.\d{1,3}){3}\b",
        "http",
    ),
    ruled(
        "exfiltration",
        "medium",
        "it is a picture whose address carries data",
        r"!\[[^\]\n]*\]\( ?https?://[^)\s]*[?&][^)\s]*=(?:\$|\{|%7b|<)",
        "![",
    ),
)

_EXECUTION: Final[tuple[ScanRule, ...]] = (
    ruled(
        "execution",
        "high",
        "it runs what it hides",
        r"\bbase64 (?:-d|-D|--decode)\b[^\n`]*\| ?(?:sudo )?(?:ba|z|da)?sh\b|\bbase64 (?:-d|-D|--decode)\b[^\n`]*\| "
        r"?(?:sudo )?"
        r"(?:python\d?|perl|ruby|node)\b|\b(?:exec|eval)\( ?(?:\w+\.)*(?:b64decode|a2b_base64|unhexlify|fromhex|"
        r"decompress)\b|"
        r"\bxxd -r\b[^\n`]*\| ?(?:ba|z)?sh\b|\beval\([^\n`]*\bbase64\b|\beval [\"']?\$\((?:[^\n`]*\|)? ?base64\b",
        *("base64", "b64decode", "unhexlify", "fromhex", "decompress", "xxd"),
    ),
    ruled(
        "execution",
        "medium",
        "it runs what another machine sends",
        r"\b(?:curl|wget)\b[^\n|`]*https?://[^\n|`]*\| ?(?:sudo )?(?:-\w+ )*(?:(?:ba|z|da)?sh|python\d?|perl|node|"
        r"ruby)\b|"
        r"\b(?:ba|z)?sh (?:-c )?[\"']?(?:<\(|\$\() ?(?:curl|wget)\b|\biex\b[^\n`]*(?:iwr|DownloadString|"
        r"Invoke-WebRequest)",
        *("curl", "wget", "iex"),
    ),
)

_PERSISTENCE: Final[tuple[ScanRule, ...]] = (
    ruled(
        "execution",
        "medium",
        "it plants something that runs again later",
        r"\| ?crontab -|>> ?[\"']?(?:~|\$HOME)/\.ssh/authorized_keys\b|\b(?:curl|wget)\b[^\n`]*>> ?[\"']?(?:~|\$HOME)/"
        r"\.(?:bashrc|zshrc|profile|bash_profile|zprofile)\b",
        *("crontab", "authorized_keys", "rc", "profile"),
    ),
)

COMMANDS: Final[tuple[ScanRule, ...]] = (*_DESTRUCTIVE, *_EXFILTRATION, *_EXECUTION, *_PERSISTENCE)
