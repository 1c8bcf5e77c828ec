#!/bin/sh
echo "SAVORY L" > /app/label.txt
