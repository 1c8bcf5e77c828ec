#!/bin/sh
echo "POPPY S" > /app/label.txt
