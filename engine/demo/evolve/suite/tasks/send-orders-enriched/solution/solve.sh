#!/bin/sh
cd /app || exit 1
sh send.sh wax > /dev/null
sh send.sh moonlight > /dev/null
sh send.sh salt > /dev/null
sh send.sh salt > /dev/null
printf '%s\n' wax salt > taken.txt
printf '%s\n' moonlight > refused.txt
sh clerk.sh
