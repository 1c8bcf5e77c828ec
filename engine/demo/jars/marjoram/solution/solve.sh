#!/bin/sh
echo "MARJORAM-F" > /app/label.txt
