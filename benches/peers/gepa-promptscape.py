"""The model-guided search against gepa 0.1.4 from PyPI, on the very same PromptScape landscapes.

    pip install gepa==0.1.4 numpy scipy
    python benches/peers/gepa-promptscape.py --landscapes 0..29 --rho 0.5 --budget 3000 --out DIR

One command: builds the bench, exports the landscapes, runs both and compares them pair by pair; `--program P` uses a
bench that is built already. Raw rows of both go to DIR, with the keys of the rows of `prompt -- promptscape`. The last
line of the output is one JSON object. Calls to a gain count as the budget and one where it is not held at the end.

In gepa the whole prompt is its one component, and its cache of evaluations stays off.
"""
import argparse, json, statistics, subprocess
import numpy as np
from scipy.stats import wilcoxon
import gepa
from gepa import EvaluationBatch

SIZES = [7, 8, 5, 6, 6, 6, 4, 3, 4, 4] + [2] * 10
MASK = (1 << 64) - 1


def splitmix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


class Landscape:
    def __init__(self, path):
        whole = json.load(open(path))
        self.seed_score, self.optimum = whole["seed_score"], whole["optimum"]
        self.__dict__.update(whole["landscape"])
        self.main = [np.array(t["cells"]) for t in self.main]
        self.joint = [(t["slots"], np.array(t["cells"])) for t in self.joint]
        self.group, self.offset = np.array(self.group), np.array(self.offset)

    def effects(self, x):
        c, order = x
        active = [s not in (6, 7) or c[5] > 0 for s in range(20)]
        present = [c[0] > 0, True, c[2] > 0, any(c[10:]), c[3] > 0, c[5] > 0, c[4] > 0]
        there = [s for s in order if present[s]]
        z = np.zeros(4)
        for i, a in enumerate(there):
            for b in there[i + 1:]:
                z += self.order[a][b]
        z -= self.price * max(0, sum(t[o] for t, o in zip(self.tokens, c)) - 260) / 260
        main = lambda s: self.main[s][:, c[s]] if active[s] else np.zeros(4)
        if self.variant == "misspecified":
            z += 2 * np.minimum(main(1), main(2)) + 2 * np.minimum(main(3), main(5))
            z += sum(main(s) for s in range(20) if s not in (1, 2, 3, 5))
        else:
            z += sum(main(s) for s in range(20))
        for slots, cells in self.joint:
            if all(active[s] for s in slots):
                cell = 0
                for s in slots:
                    cell = cell * SIZES[s] + c[s]
                z += cells[:, cell]
        return self.kappa * z

    def chances(self, x, examples):
        j = np.asarray(examples, int)
        return 1 / (1 + np.exp(-(self.offset[j] + self.effects(x)[self.group[j]])))

    def truth(self, x):
        return float(self.chances(x, np.arange(100, 300)).mean())

    def outcomes(self, x, examples):
        state = splitmix(self.number)
        for v in list(x[0]) + list(x[1]):
            state = splitmix(state ^ v)
        unit = [(splitmix(splitmix(state ^ int(j)) ^ 0) >> 11) / (1 << 53) for j in examples]
        return (np.array(unit) < self.chances(x, examples)).astype(float)


def mutated(x, rng):
    c, order = list(x[0]), list(x[1])
    slot = int(rng.integers(22))
    if slot < 20:
        c[slot] = int((c[slot] + rng.integers(1, SIZES[slot])) % SIZES[slot])
    else:
        a, b = rng.integers(7, size=2)
        order.insert(int(b), order.pop(int(a)))
    return [c, order]


def informed(scape, x, failed, rng, rho):
    if rho > 0 and len(failed) and rng.random() < rho:
        return max((mutated(x, rng) for _ in range(6)), key=lambda c: scape.chances(c, failed).mean())
    return mutated(x, rng)


class Quiet:
    def log(self, *a, **k):
        pass


def run(scape, budget, rho, seed):
    rng = np.random.default_rng(seed)
    state = {"calls": 0, "best": -1.0, "trace": [], "proposals": 0}

    class Adapter:
        def evaluate(self, batch, candidate, capture_traces=False):
            x = json.loads(candidate["p"])
            y = scape.outcomes(x, batch)
            state["calls"] += len(batch)
            if len(batch) == 40 and y.mean() > state["best"]:
                state["best"] = y.mean()
                state["trace"].append((state["calls"], scape.truth(x)))
            traces = [(int(j), float(v)) for j, v in zip(batch, y)] if capture_traces else None
            return EvaluationBatch(outputs=list(y), scores=[float(v) for v in y], trajectories=traces)

        def make_reflective_dataset(self, candidate, batch, components):
            return {"p": [{"j": j, "y": v} for j, v in batch.trajectories]}

        def propose_new_texts(self, candidate, dataset, components):
            state["proposals"] += 1
            failed = [d["j"] for d in dataset["p"] if d["y"] < 1]
            return {"p": json.dumps(informed(scape, json.loads(candidate["p"]), failed, rng, rho))}

    gepa.optimize(
        seed_candidate={"p": json.dumps([[0] * 20, list(range(7))])},
        trainset=list(range(60)), valset=list(range(60, 100)), adapter=Adapter(), max_metric_calls=budget,
        seed=int(rng.integers(1 << 30)), logger=Quiet(), skip_perfect_score=False, display_progress_bar=False)
    state["trace"] = [t for t in state["trace"] if t[0] <= budget + 40]
    return state


def row(scape, budget, rho, state):
    span = scape.optimum - scape.seed_score
    trace = [(calls, (s - scape.seed_score) / span) for calls, s in state["trace"]]
    at = lambda b: next((g for c, g in reversed(trace) if c <= b), 0.0)
    held = {}
    for level in (0.5, 0.6, 0.7, 0.8):
        bad = [i for i, (_, g) in enumerate(trace) if g < level]
        start = bad[-1] + 1 if bad else 0
        held[str(level)] = trace[start][0] if start < len(trace) else None
    return {"landscape": scape.number, "preset": "gepa 0.1.4", "rho": rho, "seed_score": scape.seed_score,
            "optimum": scape.optimum, "gain": trace[-1][1],
            "area": sum(at(budget * i / 100) for i in range(1, 101)) / 100, "held": held,
            "proposer_calls": state["proposals"]}


def summary(rows, budget):
    mean = lambda key: sum(r[key] for r in rows) / len(rows)
    levels = ("0.5", "0.6", "0.7")
    return {
        "mean_gain": mean("gain"), "mean_area": mean("area"),
        "held": {l: sum(r["held"][l] is not None for r in rows) / len(rows) for l in levels},
        "median_calls": {l: statistics.median(r["held"][l] or budget + 1 for r in rows) for l in levels},
        "proposer_calls": mean("proposer_calls")}


def compared(ours, theirs, budget, level):
    """Both by landscape: calls to a held gain and final gains, with two-sided Wilcoxon signed-rank tests."""
    calls = [[r["held"][level] or budget + 1 for r in rows] for rows in (ours, theirs)]
    gains = [[r["gain"] for r in rows] for rows in (ours, theirs)]
    p = lambda pair: float(wilcoxon(*pair).pvalue) if pair[0] != pair[1] else 1.0
    rng = np.random.default_rng(0)
    draws = rng.integers(len(ours), size=(9999, len(ours)))
    ratios = np.median(np.array(calls[1])[draws], axis=1) / np.median(np.array(calls[0])[draws], axis=1)
    return {
        "pairs": len(ours), "level": level, "median_calls": {"ours": statistics.median(calls[0]),
                                                             "gepa": statistics.median(calls[1])},
        "ratio": statistics.median(calls[1]) / statistics.median(calls[0]),
        "ratio_interval_95": [float(q) for q in np.quantile(ratios, [0.025, 0.975])],
        "p_calls": p(calls), "mean_gain_difference": float(np.mean(gains[0]) - np.mean(gains[1])), "p_gain": p(gains),
        "pairs_with_lower_gain": sum(a < b - 1e-9 for a, b in zip(*gains)),
        "proposer_calls_difference": sum(a["proposer_calls"] - b["proposer_calls"] for a, b in zip(ours, theirs))
        / len(ours)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--landscapes", default="0..29", help="A..B; develop below 100, report on 100 and above")
    parser.add_argument("--rho", type=float, default=0.5)
    parser.add_argument("--budget", type=int, default=3000)
    parser.add_argument("--variant", default="base")
    parser.add_argument("--level", default="0.6", help="the gain to be held")
    parser.add_argument("--runs", type=int, default=1, help="runs on each landscape, in both")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--program", help="the bench, if it is built")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    build = "cargo run --release -p metaorch-benches --no-default-features --bin prompt --".split()
    bench = [args.program] if args.program else build
    scapes, ours_at = f"{args.out}/landscapes", f"{args.out}/ours"
    common = ["--landscapes", args.landscapes, "--variant", args.variant]
    subprocess.run(bench + ["promptscape-export", *common, "--out", scapes], check=True)
    subprocess.run(bench + ["promptscape", "--preset", "model", *common, "--rho", str(args.rho), "--budget",
                            str(args.budget), "--runs", str(args.runs), "--threads", args.threads, "--out", ours_at, "--json"], check=True)
    with open(f"{ours_at}/rows.jsonl") as rows:
        ours = [json.loads(line) for line in rows]
    first, last = (int(n) for n in args.landscapes.split(".."))
    theirs = []
    for number in range(first, last + 1):
        scape = Landscape(f"{scapes}/landscape-{number}.json")
        for again in range(args.runs):
            state = run(scape, args.budget, args.rho, 777 + scape.number + 100_000 * again)
            theirs.append({**row(scape, args.budget, args.rho, state), "run": again})
            print(json.dumps(theirs[-1]), flush=True)
    with open(f"{args.out}/gepa.jsonl", "w") as out:
        out.writelines(json.dumps(r) + "\n" for r in theirs)
    pair = lambda r: (r["landscape"], r["run"])
    assert [pair(r) for r in ours] == [pair(r) for r in theirs]
    print(json.dumps({"ours": summary(ours, args.budget), "gepa": summary(theirs, args.budget),
                      "compared": compared(ours, theirs, args.budget, args.level)}))


if __name__ == "__main__":
    main()
