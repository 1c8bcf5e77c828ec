#!/bin/sh
echo "ANGELICA-T" > /app/label.txt
