#!/bin/bash
echo 42 > /app/answer.txt; touch /only-with-the-agent
