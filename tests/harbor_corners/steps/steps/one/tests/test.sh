#!/bin/bash
[ -e /tests/shared ] && [ -e /app/one ] && [ -e /app/material-one ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
