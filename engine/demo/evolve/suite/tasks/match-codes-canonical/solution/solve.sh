#!/bin/sh
cd /app || exit 1
cat > priced.csv <<'CSV'
code,price
AB 7,40
cd.12,15
Ef 3,8
CSV
: > left_out.txt
