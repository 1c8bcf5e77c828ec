#!/bin/bash
# The agent had no network, and the tests have one.
cat /proc/net/route
[ -f /app/answer.txt ] && [ "$(wc -l < /proc/net/route)" -gt 1 ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
