#!/bin/sh
cd /app || exit 1
sh ask.sh start > /dev/null
sh ask.sh x3 > /dev/null
sh ask.sh x1 > /dev/null
cat > entries.txt <<'TXT'
oil of clove
myrrh
aloes
senna
TXT
