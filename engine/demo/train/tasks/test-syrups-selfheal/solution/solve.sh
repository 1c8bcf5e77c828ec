#!/bin/sh
echo "SELFHEAL S" > /app/label.txt
