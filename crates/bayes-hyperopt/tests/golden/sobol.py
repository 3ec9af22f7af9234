"""Writes sobol.json, points of SciPy's unscrambled sequence, and prints the rows of src/doe/directions.rs.

    pip install scipy==1.17.1
    python3 crates/bayes-hyperopt/tests/golden/sobol.py
"""

import json
import pathlib

import numpy
import scipy.stats
from scipy.stats import qmc

DIMENSIONS = 64


def main():
    table = numpy.load(pathlib.Path(scipy.stats.__file__).parent / "_sobol_direction_numbers.npz")
    for d in range(1, DIMENSIONS):
        polynomial = int(table["poly"][d])
        first = [int(m) for m in table["vinit"][d][: polynomial.bit_length() - 1]]
        print(f"    ({polynomial}, &{first}),")
    points = qmc.Sobol(DIMENSIONS, scramble=False, bits=32).random(256)
    # SciPy walks by Gray code: its k-th point is the one of index k ^ (k >> 1).
    rows = {str(k ^ (k >> 1)): [int(u * 2**32) for u in points[k]] for k in [1, 2, 3, 7, 100, 255]}
    lines = ",\n".join(f'"{k}":{json.dumps(v)}' for k, v in sorted(rows.items(), key=lambda row: int(row[0])))
    pathlib.Path(__file__).with_suffix(".json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
