#!/bin/bash
touch /app/two
