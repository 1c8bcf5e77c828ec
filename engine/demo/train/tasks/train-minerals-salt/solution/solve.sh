#!/bin/sh
echo "SALT M" > /app/label.txt
