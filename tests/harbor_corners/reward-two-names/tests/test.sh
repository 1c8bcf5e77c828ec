#!/bin/bash
echo '{"speed": 1, "size": 0.5}' > /logs/verifier/reward.json
