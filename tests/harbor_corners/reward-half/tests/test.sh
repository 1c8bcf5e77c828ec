#!/bin/bash
echo 0.500 > /logs/verifier/reward.txt
