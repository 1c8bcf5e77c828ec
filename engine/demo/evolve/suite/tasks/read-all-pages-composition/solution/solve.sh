#!/bin/sh
cd /app || exit 1
sh ask.sh start > /dev/null
sh ask.sh t6 > /dev/null
sh ask.sh t2 > /dev/null
sh send.sh cork > /dev/null
sh send.sh twine > /dev/null
sh send.sh twine > /dev/null
sh send.sh lint > /dev/null
sh send.sh wax > /dev/null
sh send.sh wax > /dev/null
sh send.sh wax > /dev/null
printf '%s\n' cork twine lint wax > entries.txt
cp entries.txt taken.txt
: > refused.txt
