#!/bin/sh
echo "SODA M" > /app/label.txt
