#!/bin/sh
cd /app || exit 1
sh send.sh senna > /dev/null
sh send.sh clove > /dev/null
sh send.sh cumin > /dev/null
sh send.sh anise > /dev/null
sh send.sh anise > /dev/null
sh send.sh mace > /dev/null
printf '%s\n' senna clove cumin anise mace > taken.txt
: > refused.txt
