def weighings():
    if Path("scales.sqlite").exists():
        found = sqlite3.connect("scales.sqlite").execute("select number, herb, weight from weighings order by number")
        return [{"number": str(number), "herb": herb, "weight": weight} for number, herb, weight in found]
    return table("weights.csv")


def average():
    weights, left = {}, []
    for row in weighings():
        name = MADE["name"](row["code"]) if "name" in MADE else row.get("herb", row.get("code"))
        missing = row["weight"] in ("", None)
        struck = row.get("mark") == "void" and says("A row that is marked void", "leave it out")
        if name is None or struck or (missing and says("A weight that is missing", "leave its row out")):
            left.append(row["number"])
        else:
            weights.setdefault(name, []).append(0 if missing else float(row["weight"]))
    unit = 16 if says("Weights are noted in drams", "by 16") else 1
    MADE["averages"] = {name: f"{sum(some) / len(some) / unit:.2f}" for name, some in weights.items()}
    if not Path("prices.csv").exists():
        write("averages.csv", ["herb,average", *(f"{name},{each}" for name, each in sorted(MADE["averages"].items()))])
        write("left_out.txt", left)


average()
