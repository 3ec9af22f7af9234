"""A FLAML search algorithm: `flaml.tune.run(train, config=space, search_alg=MetaorchSearch(seed=1), ...)`."""

import math

from flaml.tune.sample import Categorical, Domain, Float, Integer, LogUniform, Quantized
from flaml.tune.searcher.suggestion import Searcher
from flaml.tune.trial import flatten_dict, unflatten_dict

from .session import Session


def parameter(name, domain):
    """A domain in the terms of the search, and the values that its places stand for, where they are listed."""
    if isinstance(domain, Categorical):
        return {"name": name, "type": "categorical", "choices": list(range(len(domain.categories)))}, list(domain.categories)
    if not isinstance(domain, (Float, Integer)):
        raise ValueError(f"{name}: {domain} cannot be searched; use uniform, loguniform, randint, lograndint or choice")
    sampler, low, high = domain.get_sampler(), domain.lower, domain.upper
    step = None
    if isinstance(sampler, Quantized):
        sampler, step = sampler.get_sampler(), sampler.q
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name}: {domain} has no ends; give both")
    log = isinstance(sampler, LogUniform)
    if step is not None and step != 1:
        levels = [low + i * step for i in range(int((high - low) / step + 1e-9) + 1)]
        return {"name": name, "type": "ordinal", "levels": list(range(len(levels)))}, levels
    if isinstance(domain, Integer):
        # FLAML leaves the upper end of plain integers out, that of quantized ones in.
        high = high if step is not None else high - 1
        return {"name": name, "type": "log_int" if log else "int", "low": low, "high": high}, None
    return {"name": name, "type": "log" if log else "float", "low": low, "high": high}, None


class MetaorchSearch(Searcher):
    """Suggests configurations with `metaorch tune --stdio`.

    The space is the `config` of `flaml.tune.run`: domains are searched, other entries are handed through. Trials without
    the metric, or with one that is not finite, count as failed; `cost_attr` names an entry of the result that says
    what a trial cost.
    """

    def __init__(self, metric=None, mode="min", *, seed=0, algorithm="bayes", cost_attr=None, **session):
        super().__init__(metric=metric, mode=mode)
        self._settings = {"seed": seed, "algorithm": algorithm, **session}
        self._cost, self._session, self._running = cost_attr, None, {}

    def set_search_properties(self, metric=None, mode=None, config=None, **_):
        if self._session is not None or not config:
            return False
        self._metric, self._mode = metric or self._metric, mode or self._mode
        flat = flatten_dict(config)
        self._given = {name: value for name, value in flat.items() if not isinstance(value, Domain)}
        written = {name: parameter(name, d) for name, d in flat.items() if isinstance(d, Domain)}
        self._values = {name: values for name, (_, values) in written.items()}
        self._session = Session({"parameters": [p for p, _ in written.values()]}, **self._settings)
        return True

    def suggest(self, trial_id):
        asked = self._session.ask()
        if asked is None:
            return None
        self._running[trial_id] = asked["trial"]
        listed = self._values
        found = {name: place if listed[name] is None else listed[name][place] for name, place in asked["parameters"].items()}
        return unflatten_dict({**self._given, **found})

    def on_trial_complete(self, trial_id, result=None, error=False):
        asked = self._running.pop(trial_id, None)
        if asked is None:
            return
        value = (result or {}).get(self._metric)
        if error or value is None or not math.isfinite(value):
            self._session.tell(asked, failed="error" if error else f"{self._metric} is {value}")
            return
        report = {"loss": -float(value) if self._mode == "max" else float(value)}
        if self._cost is not None and self._cost in result:
            report["cost"] = float(result[self._cost])
        self._session.tell(asked, **report)

    def best(self):
        """The best trial so far, or None."""
        return self._session.best()

    def close(self):
        """Ends the search."""
        if self._session is not None:
            self._session.close()
