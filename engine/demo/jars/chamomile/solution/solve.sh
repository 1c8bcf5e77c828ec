#!/bin/sh
echo "CHAMOMILE-F" > /app/label.txt
