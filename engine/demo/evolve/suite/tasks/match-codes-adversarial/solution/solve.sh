#!/bin/sh
cd /app || exit 1
cat > priced.csv <<'CSV'
code,price
ya 6,14
ZB.17,27
YC 2,ask
zd 9,ask
YE 31,50
CSV
: > left_out.txt
