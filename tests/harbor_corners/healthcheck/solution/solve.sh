#!/bin/bash
[ $(wc -l < /app/tries) = 3 ] && echo 42 > /app/answer.txt
