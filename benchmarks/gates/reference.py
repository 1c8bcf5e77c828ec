"""The numbers that the study has to come near: gain in points and harmful edits accepted in percent, by world, gate, n.

They come from a simulator of the same worlds, 600 runs a row; standard errors of a gain are at most 0.18 at 20 and 50
items and 0.46 at 200. `items` is run in one part there, with sixteen candidates.
"""

from collections.abc import Mapping
from typing import Final

from benchmarks.gates.world import Shares, WorldSpec

SIZES: Final = (20, 50, 200)

Row = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

WORLDS: Final[Mapping[str, WorldSpec]] = {
    "A": WorldSpec(),
    "Beta(.3, .7)": WorldSpec(rates={"beta": [0.3, 0.7]}),
    "iid .5": WorldSpec(rates={"iid": 0.5}),
    "smooth": WorldSpec(edit="smooth"),
    "+10 on half, -5 on half": WorldSpec(edit="mixed"),
    "5 % useful": WorldSpec(shares=Shares(0.75, 0.20, 0.05)),
    "50 % useful": WorldSpec(shares=Shares(0.30, 0.20, 0.50)),
    "sticky .5": WorldSpec(sticky=0.5),
}

KNOWN: Final[Mapping[tuple[str, str], Row]] = {
    ("A", "strict"): ((3.05, 5.7), (5.76, 4.2), (12.5, 1.6)),
    ("A", "level"): ((3.18, 4.4), (6.03, 2.9), (12.9, 1.0)),
    ("A", "items"): ((4.01, 1.8), (8.13, 1.2), (13.6, 0.7)),
    ("Beta(.3, .7)", "strict"): ((3.65, 4.9), (6.31, 3.8), (12.8, 1.2)),
    ("Beta(.3, .7)", "level"): ((3.76, 3.5), (6.53, 2.4), (12.7, 0.5)),
    ("Beta(.3, .7)", "items"): ((4.85, 1.8), (8.26, 0.7), (12.1, 0.1)),
    ("iid .5", "strict"): ((2.31, 6.7), (3.97, 5.4), (9.2, 3.4)),
    ("iid .5", "level"): ((2.65, 5.3), (4.47, 4.4), (10.1, 2.2)),
    ("iid .5", "items"): ((2.34, 3.4), (4.19, 4.8), (7.5, 1.8)),
    ("smooth", "strict"): ((2.80, 5.5), (5.17, 4.7), (11.3, 2.2)),
    ("smooth", "level"): ((3.02, 4.2), (5.50, 3.1), (11.9, 1.1)),
    ("smooth", "items"): ((1.75, 1.7), (3.82, 1.3), (10.5, 0.9)),
    ("+10 on half, -5 on half", "strict"): ((1.00, 9.1), (1.85, 8.9), (4.2, 6.3)),
    ("+10 on half, -5 on half", "level"): ((1.06, 7.5), (1.84, 6.3), (4.1, 4.4)),
    ("+10 on half, -5 on half", "items"): ((1.08, 8.7), (1.91, 7.7), (3.8, 4.5)),
    ("5 % useful", "strict"): ((0.20, 5.1), (0.94, 4.0), (2.5, 1.1)),
    ("5 % useful", "level"): ((0.41, 3.7), (1.23, 2.8), (2.8, 0.6)),
    ("5 % useful", "items"): ((0.83, 2.3), (1.92, 1.6), (3.0, 0.3)),
    ("50 % useful", "strict"): ((9.6, 5.6), (17.6, 4.9), (34.3, 2.2)),
    ("50 % useful", "level"): ((9.4, 3.8), (15.9, 2.8), (32.6, 0.6)),
    ("50 % useful", "items"): ((8.9, 1.7), (20.2, 1.8), (33.6, 1.0)),
    ("sticky .5", "strict"): ((3.34, 5.5), (5.94, 4.5), (12.3, 1.9)),
    ("sticky .5", "level"): ((3.49, 4.1), (6.29, 2.9), (12.6, 0.9)),
    ("sticky .5", "items"): ((3.49, 3.5), (6.90, 2.7), (12.5, 0.5)),
}
