#!/bin/bash
[ -e /app/was-set-up ] && touch /app/one
