#!/bin/bash
for i in $(seq 50); do if python3 -c 'import urllib.request as u; assert u.urlopen("http://localhost:8123/answer.txt").read() == b"42\n"'; then echo 1 > /logs/verifier/reward.txt; exit; fi; sleep 0.1; done; echo 0 > /logs/verifier/reward.txt
