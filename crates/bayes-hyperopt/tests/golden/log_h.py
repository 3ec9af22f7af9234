"""Writes log_h.json: 50-digit references for crates/bayes-hyperopt/src/numerics.rs. Needs mpmath."""
import json
import random

from mpmath import mp, mpf, erfc, exp, log, pi, sqrt

mp.dps = 50
random.seed(1)
zs = [10 - 0.05 * i for i in range(1300)] + [-(10 ** (i / 40)) for i in range(361)]
zs += [random.uniform(-60, 10) for _ in range(300)] + [-1.0, -50.0, -5.0, 0.0]
rows = []
for z in zs:
    t = mpf(z)
    with mp.workdps(50 + int(min(4 * abs(z) ** 0.5 + abs(z), 400))):
        cdf_over_pdf = sqrt(pi / 2) * exp(t * t / 2) * erfc(-t / sqrt(2)) if abs(z) < 300 else None
        if cdf_over_pdf is None:
            # 60 terms of the asymptotic series of Mills' ratio: exact to 50 digits beyond 300.
            total, term = mpf(0), mpf(1)
            for k in range(60):
                total += term
                term *= -(2 * k + 1) / (t * t)
            cdf_over_pdf = total / -t
        gap = 1 + t * cdf_over_pdf
        log_pdf = -t * t / 2 - log(2 * pi) / 2
        scaled = cdf_over_pdf / sqrt(pi / 2)
        rows.append([z] + [float(v) for v in (
            log_pdf + log(gap), cdf_over_pdf / gap, 1 / gap, log_pdf + log(cdf_over_pdf), 1 / cdf_over_pdf, scaled)])
json.dump(rows, open("log_h.json", "w"), separators=(",", ":"))
