#!/bin/sh
echo "HOPS D" > /app/label.txt
