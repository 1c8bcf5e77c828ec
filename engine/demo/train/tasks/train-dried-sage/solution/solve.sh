#!/bin/sh
echo "SAGE D" > /app/label.txt
