#!/bin/bash
[ ! -e /only-with-the-agent ] && [ -e /of-the-verifier ] && grep -q 42 /app/answer.txt && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
