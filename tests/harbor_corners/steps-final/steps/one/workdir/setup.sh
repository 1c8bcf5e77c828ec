#!/bin/bash
touch /app/was-set-up
