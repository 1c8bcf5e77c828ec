#!/bin/bash
[ "$(cat /app/seen)" = 'image default pre-${STILLROOM_UNSET} plain solution' ] && [ "$I $A $C${D:-}" = "image default verifier" ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
