#!/bin/sh
cp /app/words.txt /app/answer.txt
