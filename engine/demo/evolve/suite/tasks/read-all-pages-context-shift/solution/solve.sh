#!/bin/sh
cd /app || exit 1
printf '%s\n' april rain bees > asked.txt
cat > entries.txt <<'TXT'
send cork
send twine
send lint
send wax
TXT
