def alike(code):
    if says("Codes of two lists", "in capitals"):
        code = code.upper().replace(" ", "").replace(".", "")
    if says("Zeros before the number of a code", "leave them out"):
        code = re.sub(r"(?<!\d)0+(?=\d)", "", code)
    return code


def looked_up(pairs):
    known = {alike(code): value for code, value in pairs}
    return lambda code: known.get(alike(code))


def match():
    if Path("names.csv").exists():
        MADE["name"] = looked_up((row["code"], row["herb"]) for row in table("names.csv"))
    elif Path("shelf.json").exists():
        pence = looked_up((row["article"], row["pence"]) for row in json.loads(Path("tariff.json").read_text()))
        labels = [jar["label"] for jar in json.loads(Path("shelf.json").read_text())["jars"]]
        Path("priced.json").write_text(json.dumps({each: pence(each) for each in labels if pence(each) is not None}))
        write("left_out.txt", [each for each in labels if pence(each) is None])
    else:
        price_list()


def price_list():
    price = looked_up((row["code"], row["price"]) for row in table("prices.csv"))
    averages = MADE.get("averages")
    lines, left = ["code,price" if averages is None else "code,average,price"], []
    for code in averages or [row["code"] for row in table("stock.csv")]:
        found = price(code)
        if found is None and says("An item without a price", "write ask"):
            found = "ask"
        if found is None:
            left.append(code)
        else:
            lines.append(",".join([code, *([averages[code]] if averages else []), found]))
    write("priced.csv", lines)
    write("left_out.txt", left)


match()
