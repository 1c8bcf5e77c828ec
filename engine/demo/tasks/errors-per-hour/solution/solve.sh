#!/bin/sh
python3 - <<'PY'
from collections import Counter
from datetime import datetime, timezone
seen, hours = set(), Counter()
for line in open("/app/service.log"):
    stamp, machine, level, message = line.rstrip("\n").split(" ", 3)
    if level != "ERROR" or line in seen:
        continue
    seen.add(line)
    at = datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(timezone.utc)
    hours[at.strftime("%Y-%m-%dT%HZ")] += 1
with open("/app/errors.csv", "w") as file:
    file.write("hour,errors\n")
    for hour in sorted(hours):
        file.write(f"{hour},{hours[hour]}\n")
PY
