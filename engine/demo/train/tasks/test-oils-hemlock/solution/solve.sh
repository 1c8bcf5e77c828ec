#!/bin/sh
echo "HEMLOCK L" > /app/label.txt
