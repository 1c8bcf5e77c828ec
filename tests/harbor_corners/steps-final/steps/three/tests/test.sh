#!/bin/bash
[ -e /tests/shared ] && [ -e /app/three ] && [ -e /app/material-three ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
