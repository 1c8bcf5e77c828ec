#!/bin/sh
echo "CHIVES F" > /app/label.txt
