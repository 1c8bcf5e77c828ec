"""Which values of the environment must never reach the log: keys the spec names, and what is named like a secret."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from engine.spec import RunSpec
from events.log_errors import SecretUnusable
from events.redact import Redactor

_LOOKS_SECRET: Final = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)\d*$")


def key_names(spec: RunSpec) -> tuple[str, ...]:
    """List the variables a spec reads keys from."""
    return tuple(sorted({model.api_key_env for model in spec.models.values() if model.api_key_env}))


def secrets_of(environment: Mapping[str, str], named: Iterable[str] = ()) -> dict[str, str]:
    """Gather the secrets that are looked for in everything that is written.

    Args:
        environment: Of the process.
        named: Variables that are known to hold a key; one that cannot be looked for is then an error, later on.

    A value that only looks like a secret by its variable's name, and cannot be looked for (``TOKEN=1``), is left out.
    """
    wanted = {name: environment[name] for name in named if environment.get(name)}
    for name in sorted(environment):
        if (
            name not in wanted
            and environment[name]
            and _LOOKS_SECRET.search(name)
            and _usable({**wanted, name: environment[name]})
        ):
            wanted[name] = environment[name]
    return wanted


def _usable(secrets: Mapping[str, str]) -> bool:
    try:
        Redactor(secrets)
    except SecretUnusable:
        return False
    return True
