#!/bin/bash
echo 42 > /app/answer.txt
nohup python3 -m http.server 8123 > /dev/null 2>&1 &
for i in $(seq 50); do python3 -c 'import socket; socket.create_connection(("localhost", 8123))' 2>/dev/null && exit 0; sleep 0.1; done
