echo $ANSWER > /data/answer.txt
sleep 1
touch /data/ready
exec python3 -m http.server 8000
