"""Calls to gain 0.9 of racing over static GEPA, by family: python summarize.py < rows.jsonl

Pairs share instance and seed. Runs that never reach the level count as the whole budget. The interval is the 95 % percentile
bootstrap of the ratio of medians; whole instances are drawn, because runs of one instance hang together.
"""

import collections
import json
import random
import statistics
import sys

BUDGET, RESAMPLES = 6000, 4000
groups = collections.defaultdict(lambda: collections.defaultdict(dict))
for row in map(json.loads, sys.stdin):
    if row.get("relabel") is None:
        groups[row["family"], row["rho"]][row["optimizer"]][row["instance"], row["seed"]] = row

for (family, rho), runs in groups.items():
    pairs = sorted(runs["racing"])
    assert pairs == sorted(runs["static-gepa"])
    instances = sorted({instance for instance, _ in pairs})
    for kind in ("calls_to", "first_hit"):
        calls = {
            name: {p: BUDGET if (n := run[kind]["0.9"]) is None else n for p, run in of.items()} for name, of in runs.items()
        }

        def ratio(at):
            median = lambda name: statistics.median(calls[name][p] for p in at)
            return median("racing") / median("static-gepa")

        rng = random.Random(1)
        of = {i: [p for p in pairs if p[0] == i] for i in instances}
        drawn = sorted(ratio([p for i in rng.choices(instances, k=len(instances)) for p in of[i]]) for _ in range(RESAMPLES))
        never = {name: sum(run[kind]["0.9"] is None for run in by.values()) for name, by in runs.items()}
        print(
            json.dumps(
                {
                    "family": family,
                    "rho": rho,
                    "kind": {"calls_to": "sustained", "first_hit": "first"}[kind],
                    "n": len(pairs),
                    "ratio": round(ratio(pairs), 4),
                    "ratio_95": [round(drawn[RESAMPLES // 40], 4), round(drawn[-RESAMPLES // 40 - 1], 4)],
                    "never": never,
                    "racing_slower_in": sum(calls["racing"][p] > calls["static-gepa"][p] for p in pairs),
                }
            )
        )
