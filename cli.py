"""The command line: the one place that reads the environment and puts the parts together."""


def main() -> None:
    """Run a command."""
