#!/bin/bash
if python3 -c 'import urllib.request as u; assert u.urlopen("http://localhost:8123/answer.txt").read() == b"42\n"'; then echo 1; else echo 0; fi > /logs/verifier/reward.txt
