"""Writes bootstrap.json: bootstrap distributions and bounds for evaluation::stats::Bootstrap. Needs numpy, scipy."""
import json, platform
import numpy as np, scipy
from scipy.stats import bootstrap

rng = np.random.default_rng(20250602)
out = {"generator": f"numpy {np.__version__}, scipy {scipy.__version__}, python {platform.python_version()}; "
                    "bootstrap.py", "clustered": [], "ratio": []}
# Clusters as pairs of sum and count, resampled together: scipy's jackknife then leaves out one cluster at a time.
for sizes in [[3, 1, 4, 2, 2], [1] * 8, [5, 1, 1, 1, 6, 2, 2, 3, 1]]:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    values = (rng.beta(2, 2, len(sizes))[clusters] * 0.7 + 0.3 * rng.random(len(clusters))).round(3)
    sums, counts = np.bincount(clusters, values), np.bincount(clusters).astype(float)
    r = bootstrap((sums, counts), lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis), paired=True, vectorized=True,
                  n_resamples=99, confidence_level=0.95, method="BCa", rng=rng)
    out["clustered"].append({"values": values.tolist(), "clusters": clusters.tolist(),
                             "distribution": r.bootstrap_distribution.tolist(),
                             "estimate": float(sums.sum() / counts.sum()), "low": r.confidence_interval.low, "high": r.confidence_interval.high})
for n, m in [(9, 7), (20, 30), (15, 15)]:
    above, below = rng.lognormal(1, 0.4, n).round(3), rng.lognormal(0, 0.2, m).round(3)
    r = bootstrap((above, below), lambda a, b, axis: np.median(a, axis=axis) / np.median(b, axis=axis), vectorized=True,
                  n_resamples=200_000, confidence_level=0.95, method="percentile", rng=rng, batch=1000)
    out["ratio"].append({"above": above.tolist(), "below": below.tolist(),
                         "estimate": float(np.median(above) / np.median(below)), "se": float(r.standard_error),
                         "low": r.confidence_interval.low, "high": r.confidence_interval.high})
with open("bootstrap.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
