#!/bin/sh
cd /app/data && find . -type f | sed 's#^\./##' | LC_ALL=C sort | xargs sha256sum > /app/MANIFEST
