"""Regret and latency of other optimizers, on the functions of `--bin bayes`, from their registries.

    pip install optuna==5.0.0 egobox==1.0.0 botorch-rust==0.3.0 numpy==2.4.6 scipy==1.17.1
    pip install torch==2.15.0 botorch==0.18.1 gpytorch==1.15.2          # for BoTorch; a large download
    python3 benches/peers/bayes.py regret --seeds 0..4 --evals 100 --peers optuna_gp,egobox --out regret.jsonl
    python3 benches/peers/bayes.py latency --sizes 50,100,200,500 --repeats 3

`regret` prints the median simple regret after 25, 50 and 100 evaluations, one JSON object on the last line; rows that are
in `--out` already are not computed again. `latency` prints milliseconds of CPU time for one cold suggestion (fit and
acquisition, everything made anew) at d = 6 from n random points of Hartmann's function: the least of the repeats, after
one suggestion that does not count. One thread. Peers that are not installed are left out and named.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402

import bayes_objectives as objectives  # noqa: E402

INITIAL = 10


def unit_box(space):
    """Bounds of numeric inputs; None when the space is not a plain box."""
    if any(kind != "float" for _, kind, *_ in space):
        return None
    return np.array([[low, high] for _, _, low, high in space], float)


def random_point(space, rng):
    point = []
    for _, kind, *args in space:
        if kind == "float":
            point.append(rng.uniform(*args))
        elif kind == "log":
            point.append(math.exp(rng.uniform(math.log(args[0]), math.log(args[1]))))
        elif kind == "int":
            point.append(int(rng.integers(args[0], args[1] + 1)))
        elif kind == "logint":
            low, high = math.log(args[0] - 0.5), math.log(args[1] + 0.5)
            point.append(min(max(round(math.exp(rng.uniform(low, high))), args[0]), args[1]))
        else:
            index = int(rng.integers(len(args[0])))
            point.append(index if kind == "choice" else args[0][index])
    return point


# --- searches: each yields values in the order of evaluation -----------------------------------------------------


def random_search(space, value, seed, evals):
    rng = np.random.default_rng(seed)
    return [value(random_point(space, rng)) for _ in range(evals)]


def optuna_search(sampler):
    def search(space, value, seed, evals):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        values = []

        def objective(trial):
            point = []
            for name, kind, *args in space:
                if kind in ("float", "log"):
                    point.append(trial.suggest_float(name, *args, log=kind == "log"))
                elif kind in ("int", "logint"):
                    point.append(trial.suggest_int(name, *args, log=kind == "logint"))
                elif kind == "choice":
                    point.append(args[0].index(trial.suggest_categorical(name, args[0])))
                else:
                    point.append(args[0][trial.suggest_int(name, 0, len(args[0]) - 1)])
            values.append(value(point))
            return values[-1]

        optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=seed)).optimize(objective, n_trials=evals)
        return values

    return search


def egobox_search(space, value, seed, evals):
    import egobox

    box = unit_box(space)
    if box is None:
        raise NotImplementedError("only boxes are searched here")
    values = []

    def batch(x):
        values.extend(value(list(row)) for row in np.atleast_2d(x))
        return np.array(values[-len(np.atleast_2d(x)):]).reshape(-1, 1)

    egobox.Egor(box, seed=seed, n_doe=INITIAL).minimize(batch, max_iters=evals - INITIAL)
    return values[:evals]


def botorch_propose(seed):
    """The defaults of BoTorch: SingleTaskGP, LogEI, 10 restarts from 512 raw points."""
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.set_num_threads(1)
    torch.manual_seed(seed)

    def propose(x, y):
        train_x = torch.tensor(x, dtype=torch.double)
        train_y = -torch.tensor(y, dtype=torch.double).unsqueeze(-1)
        model = SingleTaskGP(train_x, train_y, outcome_transform=Standardize(m=1))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        acquisition = LogExpectedImprovement(model, best_f=train_y.max())
        bounds = torch.tensor([[0.0] * x.shape[1], [1.0] * x.shape[1]], dtype=torch.double)
        found, _ = optimize_acqf(acquisition, bounds, q=1, num_restarts=10, raw_samples=512)
        return found.detach().numpy()[0]

    return propose


def botorch_rust_propose(seed):
    """The same loop of botorch-rust."""
    from botorch_rs import SingleTaskGP, fit_gpytorch_mll, optimize_acqf
    from botorch_rs.acquisition import LogExpectedImprovement
    from botorch_rs.mlls import ExactMarginalLogLikelihood

    def propose(x, y):
        model = SingleTaskGP(x, -y.reshape(-1, 1))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        acquisition = LogExpectedImprovement(model, best_f=float((-y).max()))
        bounds = np.array([[0.0] * x.shape[1], [1.0] * x.shape[1]])
        found, _ = optimize_acqf(acquisition, bounds, 1, 10, 512, options={"seed": seed})
        return np.asarray(found).reshape(-1)

    return propose


def model_search(make):
    def search(space, value, seed, evals):
        box = unit_box(space)
        if box is None:
            raise NotImplementedError("only boxes are searched here")
        from scipy.stats import qmc

        x = qmc.Sobol(len(box), seed=seed).random(INITIAL)
        scale = lambda u: list(box[:, 0] + u * (box[:, 1] - box[:, 0]))  # noqa: E731
        y = [value(scale(u)) for u in x]
        for step in range(evals - INITIAL):
            x = np.vstack([x, make(seed * 1000 + step)(x, np.array(y))])
            y.append(value(scale(x[-1])))
        return y

    return search


SEARCHES = {
    "random": random_search,
    "optuna_tpe": optuna_search("TPESampler"),
    "optuna_gp": optuna_search("GPSampler"),
    "egobox": egobox_search,
    "botorch_rust": model_search(botorch_rust_propose),
    "botorch": model_search(botorch_propose),
}


def regret(args):
    done = {}
    if args.out and os.path.exists(args.out):
        for line in open(args.out):
            row = json.loads(line)
            done[row["peer"], row["function"], row["seed"], row["evals"]] = row
    missing = set()
    for seed in args.seeds:
        for name in args.functions:
            space, value, minimum = objectives.FUNCTIONS[name]
            for peer in args.peers:
                key = (peer, name, seed, args.evals)
                if key in done or peer in missing:
                    continue
                started = time.process_time()
                try:
                    values = SEARCHES[peer](space, value, seed, args.evals)
                except ImportError as error:
                    missing.add(peer)
                    print(f"{peer} is left out: {error}", file=sys.stderr)
                    continue
                except NotImplementedError:
                    continue
                best = np.minimum.accumulate(values) - minimum
                at = {str(n): float(best[n - 1]) for n in (25, 50, 100) if n <= len(best)}
                done[key] = dict(peer=peer, function=name, seed=seed, evals=args.evals, regret=at,
                                 cpu_s=round(time.process_time() - started, 2))
                if args.out:
                    with open(args.out, "a") as file:
                        file.write(json.dumps(done[key]) + "\n")
    table = {}
    for (peer, name, seed, evals), row in done.items():
        if evals == args.evals and seed in args.seeds and peer in args.peers:
            for n, value in row["regret"].items():
                table.setdefault(peer, {}).setdefault(name, {}).setdefault(n, []).append(value)
    median = {p: {f: {n: statistics.median(v) for n, v in at.items()} for f, at in fs.items()} for p, fs in table.items()}
    print(json.dumps({"median_regret": median, "seeds": len(args.seeds)}))


# --- latency ----------------------------------------------------------------------------------------------------


def optuna_once(sampler):
    def once(x, y):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        space = {f"x{i}": optuna.distributions.FloatDistribution(0.0, 1.0) for i in range(x.shape[1])}
        study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=1))
        for row, value in zip(x, y):
            point = dict(zip(space, map(float, row)))
            study.add_trial(optuna.trial.create_trial(params=point, distributions=space, value=float(value)))
        started = time.process_time()
        study.ask(space)
        return time.process_time() - started

    return once


def egobox_once(x, y):
    import egobox

    egor = egobox.Egor(np.array([[0.0, 1.0]] * x.shape[1]), seed=1)
    started = time.process_time()
    egor.suggest(x, y.reshape(-1, 1))
    return time.process_time() - started


def timed(make):
    def once(x, y):
        propose = make(1)
        started = time.process_time()
        propose(x, y)
        return time.process_time() - started

    return once


SUGGESTIONS = {
    "optuna_tpe": optuna_once("TPESampler"),
    "optuna_gp": optuna_once("GPSampler"),
    "egobox": egobox_once,
    "botorch_rust": timed(botorch_rust_propose),
    "botorch": timed(botorch_propose),
}


def latency(args):
    table = {}
    for peer in args.peers:
        if peer not in SUGGESTIONS:
            continue
        try:
            for n in args.sizes:
                rng = np.random.default_rng(n)
                x = rng.random((n, 6))
                y = np.array([objectives.hartmann6(row) for row in x])
                SUGGESTIONS[peer](x, y)
                least = min(SUGGESTIONS[peer](x, y) for _ in range(args.repeats))
                table.setdefault(peer, {})[str(n)] = round(1000 * least, 3)
        except ImportError as error:
            print(f"{peer} is left out: {error}", file=sys.stderr)
    print(json.dumps({"ms": table}))


def numbers(text):
    first, _, last = text.partition("..")
    return list(range(int(first), int(last or first) + 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["regret", "latency"])
    listed = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--peers", type=listed, default=list(SEARCHES))
    parser.add_argument("--functions", type=listed, default=list(objectives.FUNCTIONS))
    parser.add_argument("--seeds", type=numbers, default=numbers("0..4"))
    parser.add_argument("--evals", type=int, default=100)
    parser.add_argument("--sizes", type=lambda t: [int(n) for n in t.split(",")], default=[50, 100, 200, 500])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out")
    args = parser.parse_args()
    regret(args) if args.what == "regret" else latency(args)


if __name__ == "__main__":
    main()
