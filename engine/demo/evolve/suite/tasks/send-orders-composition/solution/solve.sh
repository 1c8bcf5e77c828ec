#!/bin/sh
cd /app || exit 1
for order in attic attic cellar; do sh send.sh $order > /dev/null; done
for page in r1 r7 s1 s4; do sh ask.sh $page > /dev/null; done
printf '%s\n' 'a map' 'a lamp' 'a rope' 'a barrel' 'a funnel' > entries.txt
printf '%s\n' attic cellar > taken.txt
: > refused.txt
