#!/bin/sh
cd /app || exit 1
sh send.sh honey > /dev/null
sh send.sh myrrh > /dev/null
sh send.sh aloes > /dev/null
sh send.sh aloes > /dev/null
printf '%s\n' honey myrrh aloes > taken.txt
: > refused.txt
