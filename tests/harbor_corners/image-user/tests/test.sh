#!/bin/bash
cat who; id; ls -ld /logs/verifier; [ "$(tr '\n' - < who)$(id -un)" = worker-/worker-worker ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
