"""Writes comparisons.json: reference values for evaluation::stats and ::calibration. Needs numpy, scipy, statsmodels,
scikit-learn."""
import json, platform
import numpy as np, scipy, sklearn, statsmodels
from scipy.special import gammaln, softmax
from scipy.stats import PermutationMethod, mannwhitneyu, ttest_rel, wilcoxon
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from statsmodels.stats.contingency_tables import Table2x2
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20250603)
out = {"generator": f"numpy {np.__version__}, scipy {scipy.__version__}, statsmodels {statsmodels.__version__}, "
                    f"scikit-learn {sklearn.__version__}, python {platform.python_version()}; comparisons.py",
       "wilcoxon": [], "corrected": [], "paired_effect": [], "two_samples": [], "odds": [], "meta": [], "labels": [],
       "calibration": []}

# (n, digits, equal pairs): few digits make ties. Up to 50 without ties scipy counts; with ties up to 18 its permutation
# test goes through all 2^n signs; beyond 50 both take the normal approximation.
for n, digits, zeros in [(1, 3, 0), (5, 6, 0), (11, 6, 0), (30, 6, 0), (50, 6, 0), (8, 1, 2), (12, 1, 3), (18, 1, 4),
                         (51, 6, 0), (60, 1, 9), (200, 2, 20), (300, 1, 60)]:
    a, b = rng.random(n).round(digits), rng.random(n).round(digits)
    a += np.round(0.1 * rng.random(n), digits)
    b[:zeros] = a[:zeros]
    # Differences of decimals: rounded again so that equal ones are equal in binary too.
    scale = 2.0 ** 12
    a, b = np.round(a * scale) / scale, np.round(b * scale) / scale
    tied = len(np.unique(np.abs(a - b))) < n or zeros > 0
    for method in ["wilcox", "pratt", "zsplit"]:
        how = "asymptotic" if n > 50 else PermutationMethod(n_resamples=np.inf) if tied else "exact"
        r = wilcoxon(a, b, zero_method=method, correction=False, method=how)
        plus = wilcoxon(a, b, zero_method=method, correction=False, method="asymptotic", alternative="greater").statistic
        out["wilcoxon"].append({"a": a.tolist(), "b": b.tolist(), "zeros": method, "w_plus": float(plus),
                                "p": float(r.pvalue), "exact": n <= 50})
for n in [1, 4, 12, 40]:
    p = np.round(rng.beta(0.4, 2, n), 4)
    if n >= 12:
        p[1] = p[0]
        p[2] = 1.0
    out["corrected"].append({"p": p.tolist(), **{m: multipletests(p, method=m)[1].tolist()
                                                 for m in ["holm", "fdr_bh", "fdr_by"]}})
for n in [3, 10, 80]:
    a, b = rng.random(n).round(3), rng.random(n).round(3)
    d, m = ttest_rel(a, b).statistic / np.sqrt(n), n - 1
    g = d * np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    means = [(x + y) / 2 for i, x in enumerate(a - b) for y in (a - b)[i:]]
    out["paired_effect"].append({"a": a.tolist(), "b": b.tolist(), "d": float(d), "g": float(g),
                                 "shift": float(np.median(means))})
for n, m, digits in [(1, 1, 2), (7, 12, 1), (60, 40, 2), (200, 300, 1)]:
    a, b = (rng.random(n) + 0.1).round(digits), rng.random(m).round(digits)
    out["two_samples"].append({"a": a.tolist(), "b": b.tolist(),
                               "delta": float(2 * mannwhitneyu(a, b).statistic / (n * m) - 1),
                               "shift": float(np.median(np.subtract.outer(a, b)))})
for table, level in [([[30, 10], [20, 20]], 0.95), ([[0, 5], [3, 4]], 0.95), ([[7, 0], [0, 9]], 0.9),
                     ([[1, 1], [1, 1]], 0.99), ([[500, 3], [450, 60]], 0.95)]:
    # statsmodels itself would add 0.5 to the cells that are 0 alone.
    t = Table2x2(np.array(table, float) + (0.5 if 0 in table[0] + table[1] else 0.0))
    low, high = t.oddsratio_confint(alpha=1 - level)
    out["odds"].append({"a": table[0], "b": table[1], "level": level, "ratio": float(t.oddsratio),
                        "low": float(low), "high": float(high)})
for k, spread in [(4, 0.0), (6, 0.3), (20, 0.05), (50, 0.1)]:
    errors = rng.uniform(0.03, 0.12, k).round(4)
    estimates = (0.5 + spread * rng.normal(size=k) + errors * rng.normal(size=k)).round(4)
    r = combine_effects(estimates, errors ** 2, method_re="iterated")
    out["meta"].append({"estimates": estimates.tolist(), "errors": errors.tolist(), "mean": float(r.mean_effect_re),
                        "between": float(r.tau2)})
for n, k in [(5, 2), (60, 3), (400, 8)]:
    names = [f"label {i}" for i in range(k)]
    expected = rng.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    answered = np.where(rng.random(n) < 0.6, expected, rng.integers(0, k, n))
    answered[rng.random(n) < 0.1] = -1
    present = sorted(set(expected) | set(answered) - {-1})
    out["labels"].append({"expected": [names[i] for i in expected],
                          "answered": [None if i < 0 else names[i] for i in answered],
                          "accuracy": float(accuracy_score(expected, answered)),
                          "balanced": float(balanced_accuracy_score(expected, answered)),
                          "macro_f1": float(f1_score(expected, answered, labels=present, average="macro",
                                                     zero_division=0))})
# As in the code of Zhao et al. (2021): W = inv(diag(p_cf)), b = 0; then normalised.
for k, blanks in [(2, 1), (4, 3), (7, 2)]:
    blank, real = rng.normal(-4, 2, (blanks, k)).round(3), rng.normal(-4, 2, k).round(3)
    p_cf = np.mean([softmax(row) for row in blank], axis=0)
    q = np.linalg.inv(np.identity(k) * p_cf) @ softmax(real)
    out["calibration"].append({"blank": blank.tolist(), "log_probs": real.tolist(), "p": (q / q.sum()).tolist()})
with open("comparisons.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
