#!/bin/bash
touch /app/three
