"""Runs of gepa 0.1.4 with its random draws recorded: writes gepa_pareto_0_1_4.json beside this file.

    pip install gepa==0.1.4
    python crates/prompt-grammar/tests/golden/gepa_pareto.py

Twenty seeds of the package's defaults (parents from the Pareto front, minibatches of 3 by epoch). The proposer is
scripted: its n-th text is `t` and n. Recorded are every shuffle of an epoch, and for every parent drawn the members it
was drawn from, each as often as its number of fronts, and the draw.
"""
import json, os, random
import gepa, gepa.api
from gepa import EvaluationBatch

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN, VAL, BUDGET = 10, 8, 240


def score(texts, split, index, salt):
    k = sum(j * int(t[1:]) for j, t in enumerate(texts, 1)) + salt
    base = (k * 7 + index * 3 + (5 if split == "val" else 0) + (k * k + index * k) % 11) % 5
    return min(base + (1 if k % 13 == 0 else 0), 4) / 4


class Recording(random.Random):
    log = None

    def shuffle(self, x):
        super().shuffle(x)
        Recording.log["epochs"].append([i[1] if isinstance(i, tuple) else i for i in x])

    def choice(self, seq):
        drawn = super().choice(seq)
        Recording.log["parents"].append({"from": sorted(seq), "drawn": drawn})
        return drawn


class Shim:
    Random = Recording


gepa.api.random = Shim


class Quiet:
    def log(self, *a, **k):
        pass


def run(seed, components):
    names = ["a", "b", "c"][:components]
    salt = seed * 5
    log = Recording.log = {"epochs": [], "parents": []}
    events, written = [], [0]

    class Adapter:
        def evaluate(self, batch, candidate, capture_traces=False):
            texts = [candidate[n] for n in names]
            scores = [score(texts, s, i, salt) for s, i in batch]
            events.append({"run": texts, "on": [[s, i] for s, i in batch]})
            return EvaluationBatch(outputs=scores, scores=scores, trajectories=scores if capture_traces else None)

        def make_reflective_dataset(self, candidate, batch, components):
            return {c: [{"y": y} for y in batch.scores] for c in components}

        def propose_new_texts(self, candidate, dataset, components):
            out = {}
            for c in components:
                written[0] += 1
                out[c] = f"t{written[0]}"
                events.append({"write": c})
            return out

    result = gepa.optimize(
        seed_candidate={n: "t0" for n in names}, trainset=[("train", i) for i in range(TRAIN)],
        valset=[("val", i) for i in range(VAL)], adapter=Adapter(), max_metric_calls=BUDGET, seed=seed,
        logger=Quiet(), display_progress_bar=False)
    return {"seed": seed, "salt": salt, "components": components, **log, "events": events,
            "pool": [[c[n] for n in names] for c in result.candidates],
            "parents_of": [[p for p in ps if p is not None] for ps in result.parents],
            "best": result.best_idx}


def main():
    cases = [run(seed, 1 + seed % 3) for seed in range(20)]
    with open(f"{HERE}/gepa_pareto_0_1_4.json", "w") as out:
        out.write('{"generator":"gepa_pareto.py, gepa 0.1.4 from PyPI","train":%d,"val":%d,"cases":[\n' % (TRAIN, VAL))
        out.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n")
    for c in cases:
        print(c["seed"], len(c["events"]), len(c["epochs"]), len(c["parents"]), len(c["pool"]), c["best"])


if __name__ == "__main__":
    main()
