cd /app
exec python3 -m http.server 8123
