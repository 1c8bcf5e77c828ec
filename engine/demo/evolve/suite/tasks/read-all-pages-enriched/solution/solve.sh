#!/bin/sh
cd /app || exit 1
sh ask.sh start > /dev/null
sh ask.sh p2 > /dev/null
sh ask.sh b7 > /dev/null
sh ask.sh c1 > /dev/null
cat > entries.txt <<'TXT'
wax
a still of copper
lint
TXT
sh clerk.sh
