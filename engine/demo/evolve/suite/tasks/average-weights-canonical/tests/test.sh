#!/bin/sh
# Leaves reward.txt, score_report.json, outcome_report.json and process_report.json.
python3 -B /tests/score.py
