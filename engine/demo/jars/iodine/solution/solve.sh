#!/bin/sh
echo "TINCTURE OF IODINE" > /app/label.txt
