#!/bin/bash
[ "$(cat /data/work/answer.txt)-$PWD" = 42-/data/work ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
