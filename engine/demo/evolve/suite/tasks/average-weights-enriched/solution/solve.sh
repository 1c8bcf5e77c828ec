#!/bin/sh
cd /app || exit 1
cat > averages.csv <<'CSV'
herb,average
mint,2.00
rue,2.50
sage,0.50
CSV
printf '%s\n' 2 5 > left_out.txt
sh clerk.sh
