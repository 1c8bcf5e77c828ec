#!/bin/sh
# Leaves reward.txt, score_report.json, outcome_report.json and process_report.json.
cd /tests && python3 -B -m verifier_lib
