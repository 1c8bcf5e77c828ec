#!/bin/sh
echo "HYSSOP-D" > /app/label.txt
