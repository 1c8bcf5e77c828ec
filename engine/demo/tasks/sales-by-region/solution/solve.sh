#!/bin/sh
python3 - <<'PY'
import csv, json
totals = {}
with open("/app/sales.csv") as file:
    for row in csv.DictReader(file):
        totals[row["region"]] = totals.get(row["region"], 0) + int(row["units"]) * int(row["price_cents"])
with open("/app/totals.json", "w") as file:
    json.dump(totals, file, sort_keys=True)
PY
