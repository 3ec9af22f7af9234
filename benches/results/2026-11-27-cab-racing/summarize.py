"""Median calls to gain 0.9 of racing over static GEPA, paired by instance and seed: python summarize.py rows.jsonl

Runs that never reach the level count as the whole budget. The interval is the 95 % percentile bootstrap of the ratio of
medians, 20,000 resamples of the pairs.
"""

import json
import random
import statistics
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
runs = {(r["optimizer"], r["instance"], r["seed"]): r for r in rows}
pairs = sorted(key[1:] for key in runs if key[0] == "racing")
assert len(pairs) == len(set(pairs)) and len(rows) == 2 * len(pairs)


def calls(optimizer, pair, level, kind):
    run = runs[(optimizer, *pair)]
    reached = run[kind][level]
    return (run["budget"] if reached is None else reached), reached is None


out = {"n": len(pairs), "budget": rows[0]["budget"], "rho": rows[0]["rho"], "family": rows[0]["family"]}
for level in ("0.5", "0.8", "0.9", "0.95"):
    for kind, name in (("calls_to", "sustained"), ("first_hit", "first_hit")):
        ours = [calls("racing", p, level, kind) for p in pairs]
        theirs = [calls("static-gepa", p, level, kind) for p in pairs]
        ratio = lambda at: statistics.median(ours[i][0] for i in at) / statistics.median(theirs[i][0] for i in at)
        rng = random.Random(1)
        n = len(pairs)
        resampled = sorted(ratio([rng.randrange(n) for _ in range(n)]) for _ in range(20_000))
        out.setdefault(f"gain_{level}", {})[name] = {
            "median_racing": statistics.median(c for c, _ in ours),
            "median_static_gepa": statistics.median(c for c, _ in theirs),
            "ratio": round(ratio(range(n)), 4),
            "interval_95": [round(resampled[500], 4), round(resampled[19_499], 4)],
            "median_of_paired_ratios": round(statistics.median(a / b for (a, _), (b, _) in zip(ours, theirs)), 4),
            "pairs_racing_slower": sum(a > b for (a, _), (b, _) in zip(ours, theirs)),
            "not_reached_racing": sum(c for _, c in ours),
            "not_reached_static_gepa": sum(c for _, c in theirs),
        }
for optimizer in ("racing", "static-gepa"):
    gains = {at: [runs[(optimizer, *p)]["gain_at"][at] for p in pairs] for at in ("500", "1000", "2000", "3000", "6000")}
    out[f"mean_gain_{optimizer}"] = {at: round(statistics.mean(g), 4) for at, g in gains.items() if None not in g}
print(json.dumps(out, indent=1))
