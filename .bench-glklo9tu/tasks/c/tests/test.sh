#!/bin/sh
if [ "$(cat /app/answer.txt 2>/dev/null)" = "hello" ]; then
  echo "PASSED tests::word"; echo 1 > /logs/verifier/reward.txt
else
  echo "FAILED tests::word - another word"; echo 0 > /logs/verifier/reward.txt
fi
