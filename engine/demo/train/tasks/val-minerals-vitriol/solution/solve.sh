#!/bin/sh
echo "VITRIOL M" > /app/label.txt
