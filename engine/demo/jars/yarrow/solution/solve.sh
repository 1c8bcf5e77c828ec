#!/bin/sh
echo "YARROW-D" > /app/label.txt
