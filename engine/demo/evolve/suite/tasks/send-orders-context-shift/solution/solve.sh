#!/bin/sh
cd /app || exit 1
sh press.sh labels-a > /dev/null
sh press.sh labels-a > /dev/null
sh press.sh labels-b > /dev/null
sh press.sh labels-c > /dev/null
sh press.sh labels-c > /dev/null
sh press.sh labels-c > /dev/null
printf '%s\n' labels-a labels-b labels-c > taken.txt
: > refused.txt
