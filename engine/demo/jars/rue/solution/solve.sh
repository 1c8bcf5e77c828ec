#!/bin/sh
echo "RUE-F" > /app/label.txt
