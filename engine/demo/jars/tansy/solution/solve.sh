#!/bin/sh
echo "TANSY-D" > /app/label.txt
