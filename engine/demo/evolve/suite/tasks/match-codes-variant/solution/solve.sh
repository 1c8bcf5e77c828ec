#!/bin/sh
cd /app || exit 1
cat > priced.csv <<'CSV'
code,price
mn 4,31
OP 5,ask
QR 61,12
CSV
: > left_out.txt
