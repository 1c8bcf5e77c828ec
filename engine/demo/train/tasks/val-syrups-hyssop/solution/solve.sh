#!/bin/sh
echo "HYSSOP S" > /app/label.txt
