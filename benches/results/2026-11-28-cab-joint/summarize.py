"""Calls of static GEPA over those of the joint search, by problem: python summarize.py < rows.jsonl

Pairs share instance and seed. Calls are sustained; runs that never reach a level count as the whole budget and are counted in
`never`. Intervals are 95 % percentile bootstraps of the ratio of medians; whole instances are drawn, because runs of one
instance hang together.
"""

import collections
import json
import random
import statistics
import sys

BUDGET, RESAMPLES = 6000, 4000
groups = collections.defaultdict(lambda: collections.defaultdict(dict))
for row in map(json.loads, sys.stdin):
    groups[row["scenario"], row["family"], row["rho"], row["relabel"]][row["optimizer"]][row["instance"], row["seed"]] = row

for (scenario, family, rho, relabel), runs in groups.items():
    # Other names change the search's luck alone: static GEPA's runs are those without.
    base = runs.get("static-gepa") or groups[scenario, family, rho, None]["static-gepa"]
    for name, arm in runs.items():
        if name == "static-gepa":
            continue
        pairs = sorted(arm)
        assert all(pair in base for pair in pairs)
        instances = sorted({instance for instance, _ in pairs})
        of = {i: [p for p in pairs if p[0] == i] for i in instances}
        out = {"scenario": scenario, "family": family, "rho": rho, "relabel": relabel, "optimizer": name, "n": len(pairs)}
        for level in ("0.8", "0.9"):
            calls = lambda rows, p: BUDGET if rows[p]["calls_to"][level] is None else rows[p]["calls_to"][level]
            median = lambda rows, at: statistics.median(calls(rows, p) for p in at)
            ratio = lambda at: median(base, at) / median(arm, at)
            rng = random.Random(1)
            drawn = sorted(ratio([p for i in rng.choices(instances, k=len(instances)) for p in of[i]]) for _ in range(RESAMPLES))
            out[f"calls_to_{level}"] = {
                "static-gepa": median(base, pairs),
                name: median(arm, pairs),
                "ratio": round(ratio(pairs), 3),
                "ratio_95": [round(drawn[RESAMPLES // 40], 3), round(drawn[-RESAMPLES // 40 - 1], 3)],
                "never": [sum(rows[p]["calls_to"][level] is None for p in pairs) for rows in (base, arm)],
            }
        for at in ("500", "1000", "2000", "6000"):
            mean = lambda rows: statistics.mean(rows[p]["gain_at"][at] for p in pairs)
            out[f"gain_at_{at}"] = [round(mean(base), 4), round(mean(arm), 4), round(mean(arm) / mean(base), 3)]
        print(json.dumps(out))
