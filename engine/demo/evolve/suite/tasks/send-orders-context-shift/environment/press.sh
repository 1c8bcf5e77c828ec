#!/bin/sh
# Gives one order to the press, prints its answer as JSON, and notes both what was sent and what the press took.
cd "$(dirname "$0")" || exit 1
echo "$1" >> sent.txt
turn=$(grep -cx -- "$1" sent.txt)
answer=$(sed -n "${turn}p" "desk/$1" 2>/dev/null)
answer=${answer:-$(tail -n 1 "desk/$1" 2>/dev/null || echo bad)}
case "$answer" in
  ok*|late*) echo "$1" >> book.txt ;;
esac
printf '{"order": "%s", "state": "%s"}\n' "$1" "$answer"
