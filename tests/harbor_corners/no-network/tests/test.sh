#!/bin/bash
cat /proc/net/route; [ "$(wc -l < /proc/net/route)" = 1 ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
