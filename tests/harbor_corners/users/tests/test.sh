#!/bin/bash
[ "$(cat who)-$(stat -c %U who)-$(id -un)" = worker-worker-root ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
