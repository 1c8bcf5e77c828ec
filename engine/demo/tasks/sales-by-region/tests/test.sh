#!/bin/sh
python3 /tests/test_outputs.py
