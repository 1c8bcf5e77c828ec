#!/bin/sh
echo "BORAGE-D" > /app/label.txt
