#!/bin/sh
echo "VERVAIN S" > /app/label.txt
