#!/bin/sh
echo "BETONY-F" > /app/label.txt
