#!/bin/bash
echo 42 > /app/answer.txt; mkdir -p /app/out; echo a > /app/out/a.txt; echo b > /app/out/b.tmp; echo c > /logs/artifacts/c.txt
