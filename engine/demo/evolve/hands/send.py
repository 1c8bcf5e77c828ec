def answer_to(order):
    desk = "press.sh" if Path("press.sh").exists() else "send.sh"
    said = subprocess.run(["sh", desk, order], capture_output=True, text=True).stdout.strip()
    return json.loads(said)["state"] if desk == "press.sh" else said


def again(word):
    if word == "busy":
        return says("An order that is answered busy", "send it again")
    return word == "late" and not says("An order that is answered late", "never send it again")


def orders():
    if "entries" in MADE:
        return MADE["entries"]
    queue = Path("queue.json")
    return json.loads(queue.read_text())["orders"] if queue.exists() else Path("orders.txt").read_text().splitlines()


def send():
    taken, refused, MADE["pages"] = [], [], []
    for order in orders():
        word, *more = answer_to(order).split()
        sent = 1
        while again(word) and sent < 5:
            word, *more = answer_to(order).split()
            sent += 1
        MADE["pages"] += more
        if word in ("ok", "late"):
            taken.append(order)
        elif word == "bad" and says("An order that is answered bad", "refused"):
            refused.append(order)
    write("taken.txt", taken)
    write("refused.txt", refused)


send()
