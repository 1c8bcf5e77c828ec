#!/bin/sh
cd /app || exit 1
sh ask.sh start > /dev/null
sh ask.sh m4 > /dev/null
sh ask.sh k9 > /dev/null
cat > entries.txt <<'TXT'
a crate of rue
two jars of honey
a cask
salt
TXT
