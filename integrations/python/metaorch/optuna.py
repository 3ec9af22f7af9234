"""An Optuna sampler: `optuna.create_study(sampler=MetaorchSampler(seed=1))`."""

import math

import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import TrialState

from .session import Session, SessionError


def parameter(name, distribution):
    """A distribution in the terms of the search, and the values that its places stand for, where they are listed."""
    if isinstance(distribution, CategoricalDistribution):
        places = list(range(len(distribution.choices)))
        return {"name": name, "type": "categorical", "choices": places}, list(distribution.choices)
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is not None and step != 1 or isinstance(distribution, IntDistribution) and step != 1:
        levels = [low + i * step for i in range(int(math.floor((high - low) / step + 1e-9)) + 1)]
        return {"name": name, "type": "ordinal", "levels": list(range(len(levels)))}, levels
    if isinstance(distribution, IntDistribution):
        return {"name": name, "type": "log_int" if distribution.log else "int", "low": low, "high": high}, None
    return {"name": name, "type": "log" if distribution.log else "float", "low": low, "high": high}, None


class MetaorchSampler(BaseSampler):
    """Suggests parameters with `metaorch tune --stdio`.

    Like Optuna's own model samplers it searches the parameters that all finished trials share; the first trial, and
    parameters that only some trials have, are drawn at random. When that set changes, the search begins anew and is told
    all finished trials. `search_space` (a dict of distributions) fixes the set, so that the first trials are planned, too.
    `constraints_func` takes a frozen trial and gives numbers that are met when at most 0. Studies of several objectives
    are searched for the best trade-offs.
    """

    def __init__(self, *, search_space=None, seed=0, algorithm="bayes", constraints_func=None, **session):
        self._fixed, self._shared = search_space, IntersectionSearchSpace()
        self._constraints, self._random = constraints_func, RandomSampler(seed=seed)
        self._settings = {"seed": seed, "algorithm": algorithm, **session}
        self._session, self._space, self._values = None, {}, {}
        self._asked = {}

    def infer_relative_search_space(self, study, trial):
        shared = self._fixed or self._shared.calculate(study)
        return {name: d for name, d in shared.items() if not d.single()}

    def sample_relative(self, study, trial, search_space):
        if not search_space:
            return {}
        if search_space != self._space:
            self._begin(study, search_space)
        asked = self._session.ask()
        if asked is None:
            return {}
        self._asked[trial.number] = asked["trial"]
        return {name: self._outward(name, place) for name, place in asked["parameters"].items()}

    def sample_independent(self, study, trial, param_name, param_distribution):
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study, trial, state, values):
        asked = self._asked.pop(trial.number, None)
        report = self._report(study, trial, state, values)
        if asked is not None:
            self._session.tell(asked, **report)
        elif self._session is not None:
            self._observe(trial, report)

    def reseed_rng(self):
        self._random.reseed_rng()

    def _begin(self, study, search_space):
        """A new search, told what is known of this space. Trials that still run are told to nobody."""
        if self._session is not None:
            self._session.close()
        written = {name: parameter(name, d) for name, d in search_space.items()}
        self._space, self._values = search_space, {name: values for name, (_, values) in written.items()}
        self._asked = {}
        settings = dict(self._settings)
        settings["options"] = [*settings.get("options", ()), "--objectives", str(len(study.directions))]
        self._session = Session({"parameters": [p for p, _ in written.values()]}, **settings)
        for trial in study.get_trials(deepcopy=False):
            if trial.state in (TrialState.COMPLETE, TrialState.FAIL):
                self._observe(trial, self._report(study, trial, trial.state, trial.values))

    def _observe(self, trial, report):
        if all(name in trial.params for name in self._space):
            parameters = {name: self._inward(name, trial.params[name]) for name in self._space}
            try:
                self._session.observe(parameters, **report)
            except SessionError:
                pass  # A point outside of the space, or a search that takes none: it goes on without.

    def _report(self, study, trial, state, values):
        signs = [-1.0 if d == optuna.study.StudyDirection.MAXIMIZE else 1.0 for d in study.directions]
        if state == TrialState.PRUNED and trial.intermediate_values:
            last = trial.intermediate_values[max(trial.intermediate_values)]
            return {"loss": signs[0] * last, "fidelity": 0.5} if math.isfinite(last) else {"failed": "pruned"}
        if state != TrialState.COMPLETE or not values or not all(map(math.isfinite, values)):
            return {"failed": state.name}
        violations = list(map(float, self._constraints(trial))) if self._constraints else []
        return {"losses": [s * v for s, v in zip(signs, values)], "violations": violations}

    def _outward(self, name, place):
        return place if self._values[name] is None else self._values[name][place]

    def _inward(self, name, value):
        values = self._values[name]
        return value if values is None else min(range(len(values)), key=lambda i: values[i] is not value and values[i] != value)
