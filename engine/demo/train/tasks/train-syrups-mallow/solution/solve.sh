#!/bin/sh
echo "MALLOW S" > /app/label.txt
