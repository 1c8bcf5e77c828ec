#!/bin/sh
# Gives one page of the archive, and notes which was asked for.
cd "$(dirname "$0")" || exit 1
echo "$1" >> asked.txt
cat "archive/$1.txt" 2>/dev/null || echo "no such page"
