#!/bin/sh
cd /app || exit 1
sh send.sh cork > /dev/null
sh send.sh twine > /dev/null
sh send.sh twine > /dev/null
sh send.sh lint > /dev/null
sh send.sh lint > /dev/null
sh send.sh lint > /dev/null
printf '%s\n' cork twine lint > taken.txt
: > refused.txt
