#!/bin/sh
# Written down here: the agent can edit /app/jar.txt.
if [ "$(cat /app/label.txt 2>/dev/null)" = "HOPS D" ]; then
  echo "PASSED tests/test.sh::label"
  echo 1 > /logs/verifier/reward.txt
else
  echo "FAILED tests/test.sh::label - another label"
  echo 0 > /logs/verifier/reward.txt
fi
