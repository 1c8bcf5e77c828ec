#!/bin/bash
echo 42 > /app/answer.txt; exit 3
