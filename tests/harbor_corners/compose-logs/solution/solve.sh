#!/bin/bash
for i in 1 2 3 4 5 6 7 8 9; do [ -e /logs/agent/hi ] && echo 42 > /app/answer.txt && break; sleep 0.3; done
