#!/bin/sh
echo "CELANDINE L" > /app/label.txt
