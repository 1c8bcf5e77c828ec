#!/bin/sh
python3 - <<'PY'
import json
def merged(base, site):
    result = dict(base)
    for key, value in site.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result
defaults, site = (json.load(open(f"/app/{name}.json")) for name in ("defaults", "site"))
json.dump(merged(defaults, site), open("/app/settings.json", "w"), sort_keys=True)
PY
