#!/bin/sh
echo "JASMINE F" > /app/label.txt
