#!/bin/bash
test -e /app/ready && echo 42 > /app/answer.txt
