#!/bin/sh
echo "SAVORY-T" > /app/label.txt
