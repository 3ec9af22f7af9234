"""Writes stats.json: reference values for evaluation::stats. Needs numpy, scipy, statsmodels."""
import json, platform
import numpy as np, scipy, statsmodels
from scipy.stats import bootstrap, permutation_test
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(20250601)
out = {"generator": f"numpy {np.__version__}, scipy {scipy.__version__}, statsmodels {statsmodels.__version__}, "
                    f"python {platform.python_version()}; stats.py", "bootstrap": [], "interval": [],
       "paired": [], "mcnemar": [], "wilson": []}
samples = [rng.beta(2, 5, 12).round(3), (rng.random(25) < 0.8).astype(float), np.array([0.0, 0.0, 0.1, 0.2, 5.0]),
           rng.normal(0.5, 0.2, 40).round(3)]
for values in samples:
    for method, level in [("BCa", 0.95), ("percentile", 0.9)]:
        r = bootstrap((values,), np.mean, n_resamples=99, confidence_level=level, method=method, rng=rng)
        out["bootstrap"].append({"method": method, "level": level, "values": values.tolist(),
                                 "distribution": r.bootstrap_distribution.tolist(),
                                 "low": r.confidence_interval.low, "high": r.confidence_interval.high})
    r = bootstrap((values,), np.mean, n_resamples=200_000, method="BCa", rng=rng, batch=1000)
    out["interval"].append({"values": values.tolist(), "se": float(r.standard_error),
                            "low": r.confidence_interval.low, "high": r.confidence_interval.high})
mean_difference = lambda x, y, axis: np.mean(x - y, axis=axis)
for n, digits, ties in [(3, 2, 0), (8, 2, 2), (12, 3, 0), (16, 1, 5), (40, 2, 0)]:
    a, b = rng.random(n).round(digits), rng.random(n).round(digits)
    b[:ties] = a[:ties]
    resamples = np.inf if n <= 16 else 200_000
    r = permutation_test((a, b), mean_difference, permutation_type="samples", vectorized=True,
                         n_resamples=resamples, alternative="two-sided", rng=rng, batch=1000)
    out["paired"].append({"a": a.tolist(), "b": b.tolist(), "p": float(r.pvalue), "exact": n <= 16,
                          "difference": float(np.mean(a - b))})
for b, c in [(1, 0), (5, 1), (3, 3), (12, 30), (80, 121), (400, 520), (0, 60), (1500, 1400)]:
    r = mcnemar([[0, b], [c, 0]], exact=True)
    out["mcnemar"].append({"a_only": b, "b_only": c, "p": float(r.pvalue)})
for k, n, level in [(0, 1, 0.95), (1, 1, 0.95), (0, 10, 0.95), (7, 8, 0.95), (50, 100, 0.9), (799, 800, 0.99)]:
    low, high = proportion_confint(k, n, alpha=1 - level, method="wilson")
    out["wilson"].append({"successes": k, "trials": n, "level": level, "low": float(low), "high": float(high)})
with open("stats.json", "w") as f:
    json.dump(out, f, indent=None, separators=(",", ":"))
    f.write("\n")
