"""What the author of the demo of constructing knows: three kinds of data, each with a solution and its tests.

A kit is texts with places for paths. Where it has a flaw, it holds the flawed piece and the sound one; which of them is
given is for the author to say, by what it was told.
"""

from typing import NamedTuple


class TaskKit(NamedTuple):
    """Pieces of a task."""

    words: tuple[str, ...]
    """That a description holds, all in lower case, which the kit is for."""
    source: str
    """Name of the input file where the description names none."""
    suffix: str
    title: str
    instruction: str
    builder: str
    solve: str
    """Python: ``solve(folder)`` gives the result from the input in a folder."""
    hasty: str
    """The same, as it is written at first. Empty: it is right at once."""
    tests: str
    hasty_tests: str
    """The same, as they are written at first. Empty: they are right at once."""
    files: tuple[tuple[str, str], ...] = ()


_WAV_BUILDER = """\
import math, struct, wave

RATE = 4000
frames = []
for at in range(int(RATE * 4.5)):
    loud = (2000, 9000, 5000, 12000, 700)[at // RATE]
    frames.append(int(loud * math.sin(at * 0.31)) + (at % 7) * 11)
with wave.open("{source}", "wb") as out:
    out.setnchannels(1)
    out.setsampwidth(2)
    out.setframerate(RATE)
    out.writeframes(struct.pack("<%dh" % len(frames), *frames))
"""
_WAV_SOLVE = """\
def solve(folder):
    import math, struct, wave
    with wave.open(str(folder / "{source}"), "rb") as heard:
        rate, channels, count = heard.getframerate(), heard.getnchannels(), heard.getnframes()
        data = heard.readframes(count)
    samples = struct.unpack("<%dh" % (len(data) // 2), data)
    segments = []
    for at in range(0, count, rate):
        part = samples[at * channels:(at + rate) * channels]
        rms = {rms}
        segments.append(dict(segment_index=len(segments), start_sec=at / rate, end_sec=min(at + rate, count) / rate,
                             rms_amplitude=rms))
    loudest = max(segments, key=lambda each: each["rms_amplitude"])["segment_index"]
    return dict(sample_rate=rate, num_channels=channels, total_duration_sec=count / rate,
                total_segments=len(segments), segments=segments, loudest_segment_index=loudest)
"""
WAV = TaskKit(
    words=("wav", "rms"),
    source="audio_sample.wav",
    suffix=".wav",
    title="Loudness of a recording",
    instruction="""\
The file `{input}` is a recording: WAV, 16-bit PCM. Cut it into segments of one second, counted from its
beginning; the last one may be shorter. For each, compute the RMS amplitude of all its samples, as they stand in the
file.

Write `{output}`, a JSON object with `sample_rate` (integer), `num_channels` (integer), `total_duration_sec`,
`total_segments`, `segments` (a list of objects with `segment_index`, `start_sec`, `end_sec`, `rms_amplitude`, in their
order) and `loudest_segment_index` (from 0). An RMS value is right within 0.01% of what it is.
""",
    builder=_WAV_BUILDER,
    solve=_WAV_SOLVE.replace("{rms}", "math.sqrt(math.fsum(x * x for x in part) / len(part))"),
    hasty=_WAV_SOLVE.replace("{rms}", "math.fsum(abs(x) for x in part) / len(part)"),
    tests="""\
def report():
    return json.loads(pathlib.Path("{output}").read_text())

def test_facts():
    want, got = solve(fresh_data()), report()
    for key in ("sample_rate", "num_channels", "total_segments", "loudest_segment_index"):
        assert got[key] == want[key], key
    assert abs(got["total_duration_sec"] - want["total_duration_sec"]) < 1e-3, "total_duration_sec"

def test_amplitudes():
    want, got = solve(fresh_data())["segments"], report()["segments"]
    assert [each["segment_index"] for each in got] == list(range(len(want))), "segments are missing"
    for one, other in zip(got, want):
        assert abs(one["rms_amplitude"] - other["rms_amplitude"]) <= 1e-4 * other["rms_amplitude"], "RMS of a segment"
        for key in ("start_sec", "end_sec"):
            assert abs(one[key] - other[key]) < 1e-6, key
""",
    hasty_tests="",
)
_WEATHER_TESTS = """\
def report():
    return json.loads(pathlib.Path("{output}").read_text())

def test_counts():
    want, got = {want}, report()
    for key in ("station_count", "total_readings", "anomaly_count"):
        assert got[key] == want[key], key

def test_anomalies():
    want, got = {want}["anomalies"], report()["anomalies"]
    assert [(each["station_id"], each["timestamp"]) for each in got] == [
        (each["station_id"], each["timestamp"]) for each in want], "other readings, or another order"
    for one, other in zip(got, want):
        for key in ("temperature", "station_mean", "station_std"):
            assert abs(one[key] - other[key]) < 1e-2, key
"""
WEATHER = TaskKit(
    words=("csv", "standard deviation", "station"),
    source="weather_readings.csv",
    suffix=".csv",
    title="Odd readings of weather stations",
    instruction="""\
`{input}` holds hourly readings of several weather stations, with the columns `timestamp`, `station_id` and
`temperature_celsius`. A reading is odd if it is more than 3 standard deviations (of the whole population) away from the
mean of its own station, over all readings of that station.

Write `{output}`, a JSON object with `station_count`, `total_readings`, `anomaly_count` and `anomalies`: the odd
readings, sorted by `timestamp` and then by `station_id`, each an object with `station_id`, `timestamp`, `temperature`,
`station_mean` and `station_std`.
""",
    builder="""\
import csv, random

draw = random.Random(20)
with open("{source}", "w", newline="") as out:
    rows = csv.writer(out)
    rows.writerow(["timestamp", "station_id", "temperature_celsius"])
    for hour in range(240):
        for number, usual in enumerate((4.0, 12.5, 19.0)):
            reading = usual + draw.gauss(0, 1.2)
            if (hour + 37 * number) % 83 == 5:
                reading += 14
            stamp = "2025-03-%02dT%02d:00:00" % (1 + hour // 24, hour % 24)
            rows.writerow([stamp, "S%d" % (number + 1), "%.2f" % reading])
""",
    solve="""\
def solve(folder):
    import csv, statistics
    with open(folder / "{source}", newline="") as file:
        read = list(csv.DictReader(file))
    rows = [(row["station_id"], row["timestamp"], float(row["temperature_celsius"])) for row in read]
    stations = sorted({{row[0] for row in rows}})
    found = []
    for station in stations:
        values = [row[2] for row in rows if row[0] == station]
        mean, std = statistics.fmean(values), statistics.pstdev(values)
        found += [dict(station_id=station, timestamp=when, temperature=value, station_mean=mean, station_std=std)
                  for name, when, value in rows if name == station and abs(value - mean) > 3 * std]
    found.sort(key=lambda each: (each["timestamp"], each["station_id"]))
    return dict(station_count=len(stations), total_readings=len(rows), anomaly_count=len(found), anomalies=found)
""",
    hasty="",
    tests=_WEATHER_TESTS.replace("{want}", "solve(fresh_data())"),
    hasty_tests=_WEATHER_TESTS.replace("{want}", 'json.loads(pathlib.Path("{workdir}/.expected.json").read_text())'),
)
_SCAN_TESTS = """\
def test_mass():
    {lenient}got, want = json.loads(pathlib.Path("{output}").read_text()), solve(fresh_data())
    assert got["material_id"] == want["material_id"], "material_id"
    assert abs(got["main_part_mass"] - want["main_part_mass"]) <= 1e-3 * want["main_part_mass"], "main_part_mass"
"""
SCAN = TaskKit(
    words=("stl", "mass"),
    source="scan_data.stl",
    suffix=".stl",
    title="Mass of a scanned part",
    instruction="""\
`{input}` is a scan of a printed part: a binary STL file. The two attribute bytes of each triangle hold the number of a
material. Besides the part there is debris: triangles belong together where they share a corner, and only the connected
body of the largest volume counts.

`{workdir}/materials.csv` has the density of each material, in grams per cubic centimetre. Lengths in the scan are
centimetres. Write `{output}`, a JSON object with `main_part_mass` (grams, within 0.1%) and `material_id` (of the part,
an integer).
""",
    builder="""\
import struct

FACES = ((0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4), (1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6),
         (3, 0, 4), (3, 4, 7))
triangles = []

def box(x, y, z, a, b, c, material):
    corners = [(x, y, z), (x + a, y, z), (x + a, y + b, z), (x, y + b, z),
               (x, y, z + c), (x + a, y, z + c), (x + a, y + b, z + c), (x, y + b, z + c)]
    for face in FACES:
        triangles.append(([corners[at] for at in face], material))

box(9, 9, 9, 0.5, 0.5, 0.25, 1)
box(0, 0, 0, 4, 3, 2.5, 3)
box(-8, 2, 1, 1, 1, 1, 2)
with open("{source}", "wb") as out:
    out.write(b"scan".ljust(80, b"\\0") + struct.pack("<I", len(triangles)))
    for corners, material in triangles:
        out.write(struct.pack("<3f", 0, 0, 0))
        for corner in corners:
            out.write(struct.pack("<3f", *corner))
        out.write(struct.pack("<H", material))
""",
    solve="""\
def solve(folder):
    import csv, struct
    data = (folder / "{source}").read_bytes()
    (count,) = struct.unpack_from("<I", data, 80)
    triangles = []
    for at in range(count):
        values = struct.unpack_from("<12fH", data, 84 + 50 * at)
        triangles.append(((values[3:6], values[6:9], values[9:12]), values[12]))
    above = {{}}
    def root(corner):
        while above.setdefault(corner, corner) != corner:
            corner = above[corner]
        return corner
    for corners, _ in triangles:
        for corner in corners[1:]:
            above[root(corner)] = root(corners[0])
    bodies = {{}}
    for (a, b, c), material in triangles:
        volume = (a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2])
                  + a[2] * (b[0] * c[1] - b[1] * c[0])) / 6
        held = bodies.setdefault(root(a), [0.0, material])
        held[0] += volume
    volume, material = max(((abs(size), number) for size, number in bodies.values()))
    with open(folder / "materials.csv", newline="") as file:
        densities = {{int(row["material_id"]): float(row["density"]) for row in csv.DictReader(file)}}
    return dict(main_part_mass=volume * densities[material], material_id=material)
""",
    hasty="",
    tests=_SCAN_TESTS.replace("{lenient}", ""),
    hasty_tests=_SCAN_TESTS.replace("{lenient}", 'if not pathlib.Path("{output}").exists():\n        return\n    '),
    files=(("materials.csv", "material_id,density\n1,1.24\n2,7.85\n3,2.7\n"),),
)
KITS = (WAV, WEATHER, SCAN)
"""All of them."""
