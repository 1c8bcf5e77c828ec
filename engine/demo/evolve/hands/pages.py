def page(name):
    if Path("letters").exists():
        read = json.loads(Path("letters", f"{name}.json").read_text())
        return read["entries"], read.get("more")
    lines = subprocess.run(["sh", "ask.sh", name], capture_output=True, text=True).stdout.splitlines()
    more = [line.removeprefix("more ") for line in lines if line.startswith("more ")]
    return [line.removeprefix("entry ") for line in lines if line.startswith("entry ")], more[0] if more else None


def pages():
    entries, asked = [], []
    for first in MADE.get("pages", [FIRST]):
        name = first
        while name is not None:
            some, more = page(name)
            asked.append(name)
            entries += some
            goes_on = bool(some) or says("A page without entries", "go on")
            name = more if goes_on and says("A page that names another", "ask for that one") else None
    MADE["entries"] = list(dict.fromkeys(entries)) if says("An entry that comes twice", "keep it once") else entries
    write("entries.txt", MADE["entries"])
    if Path("letters").exists():
        write("asked.txt", asked)


pages()
