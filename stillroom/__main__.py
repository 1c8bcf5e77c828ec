"""The command `stillroom`, also as ``python -m stillroom``, beside whatever modules the current folder has."""

import sys

from stillroom.top_level import claim


def main() -> int:
    """Run the command that was typed."""
    try:
        command = claim("cli")
    except ImportError as error:
        sys.stderr.write(f"problem  {error}\nremedy   rename that module, or take it off the path (PYTHONPATH)\n")
        return 2
    code: int = command.main()
    return code


if __name__ == "__main__":
    sys.exit(main())
