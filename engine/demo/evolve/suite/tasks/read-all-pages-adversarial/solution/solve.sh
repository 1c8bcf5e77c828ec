#!/bin/sh
cd /app || exit 1
sh ask.sh start > /dev/null
sh ask.sh q1 > /dev/null
sh ask.sh q8 > /dev/null
sh ask.sh q5 > /dev/null
sh ask.sh q2 > /dev/null
sh ask.sh q9 > /dev/null
cat > entries.txt <<'TXT'
a pestle
a mortar
a sieve
TXT
