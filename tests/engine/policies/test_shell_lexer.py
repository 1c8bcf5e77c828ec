"""Stories of telling literal text from code in a shell script, with bash itself as the judge."""

import subprocess

import pytest

from engine.policies.shell_lexer import ShellLexer, unfinished

SCRIPTS = (
    "ls -l",
    "echo 'a b' \"c d\" `date`",
    "echo don't",
    'echo "it\'s"',
    "echo 'a\nb'",
    'echo "a\nb',
    "echo `date",
    "echo \\'",
    'echo "\\""',
    "echo $'it\\'s'",
    "echo $'it",
    "# don't\nls",
    "echo a#b'c'",
    "echo ${#x} '$#'",
    'echo "${x:-it\'s}"',
    "echo ${x:-'a}'}",
    "cat <<EOF\na\nEOF",
    "cat <<EOF\na",
    "cat << EOF\na\nEOF",
    "cat <<-EOF\n\ta\n\tEOF",
    "cat <<EOF\na\n\tEOF",
    "cat <<'E O F'\n$(`\nE O F",
    'cat <<"EOF"\ndon\'t\nEOF',
    "cat <<\\EOF\ndon't\nEOF",
    "cat <<A; cat <<B\n1\nA\n2\nB",
    "cat <<A; cat <<B\n1\nA\n2",
    "cat <<<EOF",
    "cat <<< 'EOF'",
    "echo $((1<<2))",
    "((x=1<<2)); ls",
    "x=$(cat <<EOF\na\nEOF\n); ls",
    'x="$(cat <<EOF\ndon\'t "\nEOF\n)"; ls',
    "((cd /; ls); cat <<EOF\nit's\nEOF\n)",
    'echo "$((1<<2))" "$(echo ")")"',
    'echo "a $(echo "b") c"',
    "echo `echo 'a'` 'b",
    "echo `echo (a` b",
    "echo `echo (a` 'b",
    "echo `echo ((1 {x` 'b'",
    "case x in a) echo 'b';; esac",
    "cat <<EOF # don't\nx\nEOF",
    "cat <<EOF\n$(echo 'a)\nEOF\necho b",
    "awk '{print $1 << 2}' x",
    'grep -c "a\\\\" x',
)
"""Each with what bash says of it, asked by ``bash -n``."""


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_is_unfinished_is_what_bash_finds_unfinished(script: str) -> None:
    """A command that is called whole by us and half by bash would be run by halves."""
    said = subprocess.run(["bash", "-n"], input=script.encode(), capture_output=True, check=False).stderr.decode()
    here = "delimited by end-of-file" in said
    quote = any(f"matching `{mark}'" in said for mark in ("'", '"', "`"))
    left = unfinished(script)
    assert left.startswith("here-document") == here
    assert left.endswith("quote") == (quote and not here)


def test_a_line_of_a_here_document_is_literal_and_its_last_line_ends_that() -> None:
    """A reader of Markdown asks before each line whether a fence there could be one."""
    lexer, seen = ShellLexer(), []
    for line in ("cat <<'EOF' > a", "don't", "EOF", "ls"):
        seen.append(lexer.literal)
        lexer.feed(line)
    assert seen == ["", "here-document EOF", "here-document EOF", ""]
