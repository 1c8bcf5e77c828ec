#!/bin/sh
echo "SALSIFY" > /app/label.txt
