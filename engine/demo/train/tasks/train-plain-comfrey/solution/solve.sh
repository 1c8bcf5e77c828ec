#!/bin/sh
echo "COMFREY" > /app/label.txt
