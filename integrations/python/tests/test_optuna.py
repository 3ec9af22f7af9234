import math
import os
import subprocess
import tempfile
import unittest

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from metaorch.optuna import MetaorchSampler

optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial):
    x = trial.suggest_float("x", -2.0, 3.0)
    lr = trial.suggest_float("lr", 1e-5, 1.0, log=True)
    n = trial.suggest_int("n", 1, 9)
    even = trial.suggest_int("even", 0, 20, step=4)
    kind = trial.suggest_categorical("kind", [None, "a", 2.5])
    return (x - 1) ** 2 + (math.log10(lr) + 2) ** 2 + 0.1 * abs(n - 4) + 0.01 * (even - 8) ** 2 + (kind != "a")


class Sampler(unittest.TestCase):
    def study(self, sampler, n=40, direction="minimize", objective=objective):
        study = optuna.create_study(sampler=sampler, direction=direction)
        study.optimize(objective, n_trials=n)
        return study

    def test_finds_what_random_search_does_not(self):
        ours = self.study(MetaorchSampler(seed=1))
        random = self.study(optuna.samplers.RandomSampler(seed=1))
        self.assertLess(ours.best_value, 0.1)
        self.assertLess(ours.best_value, random.best_value)

    def test_maximizes_and_repeats_itself(self):
        upward = lambda trial: -objective(trial)  # noqa: E731
        runs = [self.study(MetaorchSampler(seed=3), 14, "maximize", upward) for _ in range(2)]
        self.assertEqual([t.params for t in runs[0].trials], [t.params for t in runs[1].trials])
        self.assertEqual(runs[0].best_value, max(t.value for t in runs[0].trials))

    def test_a_given_space_is_planned_from_the_first_trial(self):
        space = {"x": FloatDistribution(-2.0, 3.0), "lr": FloatDistribution(1e-5, 1.0, log=True),
                 "n": IntDistribution(1, 9), "even": IntDistribution(0, 20, step=4),
                 "kind": CategoricalDistribution([None, "a", 2.5])}
        sampler = MetaorchSampler(search_space=space, seed=2, algorithm="random")
        self.study(sampler, 3)
        self.assertEqual(sampler._session.greeting["algorithm"], "random")
        told = sampler._session.send({"hello": {"protocol": 1}})["hello"]
        self.assertEqual((told["told"], told["pending"]), (3, []))

    def test_failed_pruned_enqueued_and_conditional_trials(self):
        def odd(trial):
            x = trial.suggest_float("x", 0, 1)
            if trial.number % 5 == 3:
                raise ValueError("odd")
            if trial.number % 5 == 4:
                trial.report(x, 1)
                raise optuna.TrialPruned
            if trial.suggest_categorical("more", [True, False]):
                return x + trial.suggest_float("y", 0, 1)
            return float("nan") if trial.number == 7 else x

        study = optuna.create_study(sampler=MetaorchSampler(seed=1))
        study.enqueue_trial({"x": 0.5, "more": False})
        study.optimize(odd, n_trials=25, catch=(ValueError,))
        self.assertEqual(len(study.trials), 25)
        self.assertLess(study.best_value, 0.2)

    def test_constraints_are_kept(self):
        def objective(trial):
            return trial.suggest_float("x", 0, 1)

        sampler = MetaorchSampler(seed=1, constraints_func=lambda trial: [0.4 - trial.params["x"]])
        study = self.study(sampler, 25, objective=objective)
        kept = [t.value for t in study.trials if t.value >= 0.4]
        self.assertLess(min(kept), 0.45)
        self.assertAlmostEqual(sampler._session.best()["loss"], min(kept))

    def test_several_objectives(self):
        def two(trial):
            x, y = trial.suggest_float("x", 0, 2), trial.suggest_float("y", 0, 1)
            return x * x + y, -((x - 1) ** 2) - y

        study = optuna.create_study(directions=["minimize", "maximize"], sampler=MetaorchSampler(seed=1))
        study.optimize(two, n_trials=25)
        self.assertGreater(len(study.best_trials), 6)

    def test_an_exported_study_can_be_imported(self):
        study = self.study(optuna.samplers.RandomSampler(seed=1), 12)
        with tempfile.TemporaryDirectory() as folder:
            table = study.trials_dataframe()
            table.to_csv(os.path.join(folder, "old.csv"))
            table.to_json(os.path.join(folder, "old.json"), date_format="iso")
            with open(os.path.join(folder, "space.json"), "w") as file:
                file.write('{"parameters": [{"name": "x", "type": "float", "low": -2, "high": 3},'
                           '{"name": "lr", "type": "log", "low": 1e-5, "high": 1},'
                           '{"name": "n", "type": "int", "low": 1, "high": 9}]}')
            command = [os.environ["METAORCH"], "tune", "--space", "space.json", "--evals", "2", "--import", "old.csv",
                       "--import", "old.json", "--json", "--", "sh", "-c", "echo 1"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
