#!/bin/bash
echo "$I $A $B $C $D" > /app/seen
