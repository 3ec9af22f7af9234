"""The functions and tasks of `--bin bayes` in plain Python, written independently of the Rust ones.

`peers/bayes.py` hands them to other libraries; `tests/golden/bayes_functions.py` takes golden values from them.

A space is a list of (name, kind, arguments): float, log, int and logint with low and high; ordinal and choice with a
list. A point is a list of one value an input, choices by position.
"""

import json
import math
import pathlib

BRANIN_FLOOR = 0.39788735772973816
HARTMANN6_FLOOR = -3.322368011415515
WIDTHS = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
CENTRES = [[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
           [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]]


def branin(x, z=1.0):
    b = 5.1 / (4 * math.pi**2) - 0.01 * (1 - z)
    c = 5 / math.pi - 0.1 * (1 - z)
    t = 1 / (8 * math.pi) + 0.05 * (1 - z)
    return (x[1] - b * x[0]**2 + c * x[0] - 6) ** 2 + 10 * (1 - t) * math.cos(x[0]) + 10


def hartmann6(x, z=1.0):
    total = 0.0
    for weight, widths, centres in zip([1.0, 1.2, 3.0, 3.2], WIDTHS, CENTRES):
        inner = sum(w * (xi - c) ** 2 for xi, w, c in zip(x, widths, centres))
        total += (weight - 0.1 * (1 - z)) * math.exp(-inner)
    return -total


def ackley5s(x):
    y = [xi - 32.768 * c for xi, c in zip(x, [0.31, -0.42, 0.17, 0.55, -0.23])]
    squares = sum(v * v for v in y) / 5
    waves = sum(math.cos(2 * math.pi * v) for v in y) / 5
    return -20 * math.exp(-0.2 * math.sqrt(squares)) - math.exp(waves) + 20 + math.e


def levy8(x):
    w = [1 + (xi - 1) / 4 for xi in x]
    inner = sum((v - 1) ** 2 * (1 + 10 * math.sin(math.pi * v + 1) ** 2) for v in w[:-1])
    return math.sin(math.pi * w[0]) ** 2 + inner + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)


def rosenbrock4s(x):
    y = [xi - s for xi, s in zip(x, [1.1, -1.7, 0.3, 2.2])]
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(y, y[1:]))


def stybtang6(x):
    return sum(v**4 - 16 * v**2 + 5 * v for v in x) / 2


def mixed6(p):
    x, lr, units, layers, a, b = p
    a_cost, a_shift = [(1.2, 0.8), (0.6, -0.7), (0.0, 0.0), (0.9, 0.4)][int(a)]
    b_cost, b_shift = [(0.5, -1.5), (0.0, 0.0), (0.8, 2.0)][int(b)]
    dx, dl, du, dn = x - 1.3 - b_shift, math.log10(lr) + 2.7 - a_shift, math.log2(units) - math.log2(23), layers - 5
    return (a_cost + b_cost + 0.15 * dx**2 + 0.3 * (1 - math.cos(2 * math.pi * dx / 2.5)) + 0.6 * dl**2 + 0.3 * du**2
            + 0.08 * dn**2 + 0.1 * abs(dl * du))


def box(d, low, high):
    return [(f"x{i}", "float", low, high) for i in range(d)]


FUNCTIONS = {
    "branin2": ([("x0", "float", -5.0, 10.0), ("x1", "float", 0.0, 15.0)], branin, BRANIN_FLOOR),
    "hartmann6": (box(6, 0.0, 1.0), hartmann6, HARTMANN6_FLOOR),
    "ackley5s": (box(5, -32.768, 32.768), ackley5s, 0.0),
    "levy8": (box(8, -10.0, 10.0), levy8, 0.0),
    "rosenbrock4s": (box(4, -5.0, 10.0), rosenbrock4s, 0.0),
    "stybtang6": (box(6, -5.0, 5.0), stybtang6, 6 * -39.16616570377142),
    "mixed6": ([("x", "float", -5.0, 5.0), ("lr", "log", 1e-5, 1.0), ("units", "logint", 1, 64), ("layers", "int", 1, 8),
                ("a", "choice", ["a0", "a1", "a2", "a3"]), ("b", "choice", ["b0", "b1", "b2"])], mixed6, 0.0),
}

LEVELS = [1 / 27, 1 / 9, 1 / 3, 1.0]
COSTS = [0.05 + 0.95 * z**1.5 for z in LEVELS]


class Synthetic:
    """A function whose constants depend on the level; every evaluation pays for itself."""

    resumes, budget = False, 100.0

    def __init__(self, space, value, minimum):
        self.space, self.value, self.minimum = space, value, minimum

    def loss(self, point, level):
        return self.value(point, LEVELS[level])

    def cost(self, point, level):
        return COSTS[level]


class Digits:
    """The table of trained networks; going on from one level to the next costs the difference."""

    resumes, budget = True, 40.0

    def __init__(self, column):
        path = pathlib.Path(__file__).parent.parent / "data" / "digits_tabular.json"
        table = json.loads(path.read_text())
        self.column = column
        self.rows = {tuple(row["config"].values()): row for row in table["rows"]}
        self.space = [(k, "choice" if k == "activation" else "ordinal", v) for k, v in table["grid"].items()]
        self.minimum = min(row[column][-1] for row in table["rows"])
        self.unit = sum(row["cost"][-1] for row in table["rows"]) / len(table["rows"])

    def row(self, point):
        names = self.space[-1][2]
        return self.rows[(*point[:4], names[int(point[4])])]

    def loss(self, point, level):
        return self.row(point)[self.column][level]

    def cost(self, point, level):
        return self.row(point)["cost"][level] / self.unit


def tasks():
    return {
        "h6": Synthetic(FUNCTIONS["hartmann6"][0], hartmann6, HARTMANN6_FLOOR),
        "branin": Synthetic(FUNCTIONS["branin2"][0], branin, BRANIN_FLOOR),
        "digits_logloss": Digits("logloss"),
        "digits_error": Digits("err"),
    }
