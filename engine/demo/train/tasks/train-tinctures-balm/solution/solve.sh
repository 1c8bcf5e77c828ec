#!/bin/sh
echo "BALM T" > /app/label.txt
