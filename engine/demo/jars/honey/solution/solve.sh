#!/bin/sh
echo "HONEY" > /app/label.txt
