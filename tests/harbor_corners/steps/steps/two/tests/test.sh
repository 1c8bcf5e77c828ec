#!/bin/bash
[ -e /tests/shared ] && [ -e /app/two ] && [ -e /app/material-two ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
