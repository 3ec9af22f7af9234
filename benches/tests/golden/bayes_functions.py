"""Writes bayes_functions.json: values of `peers/bayes_objectives.py` at random points and at optima.

    python3 benches/tests/golden/bayes_functions.py
"""

import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "peers"))
import bayes_objectives as objectives  # noqa: E402


def draw(rng, kind, *args):
    match kind:
        case "float":
            return rng.uniform(*args)
        case "log":
            return args[0] * (args[1] / args[0]) ** rng.random()
        case "int" | "logint":
            return rng.randint(*args)
        case "ordinal":
            return rng.choice(args[0])
        case "choice":
            return rng.randrange(len(args[0]))


def main():
    rng = random.Random(20261127)
    rows = []
    for name, (space, value, _) in objectives.FUNCTIONS.items():
        for _ in range(8):
            point = [draw(rng, *args) for _, *args in space]
            rows.append({"function": name, "point": point, "value": value(point)})
    for name, task in objectives.tasks().items():
        for level in range(4):
            for _ in range(4):
                point = [draw(rng, *args) for _, *args in task.space]
                rows.append({"function": name + "@", "point": point, "level": level,
                             "cost": task.cost(point, level), "value": task.loss(point, level)})
    lines = ",\n".join(json.dumps(row) for row in rows)
    (HERE / "bayes_functions.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
