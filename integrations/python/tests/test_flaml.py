import unittest

from flaml import tune

from metaorch.flaml import MetaorchSearch

SPACE = {
    "x": tune.uniform(-2.0, 3.0),
    "lr": tune.loguniform(1e-5, 1.0),
    "n": tune.randint(1, 10),
    "even": tune.qrandint(0, 20, 4),
    "kind": tune.choice(["a", "b", None]),
    "model": {"depth": tune.lograndint(1, 65), "fixed": 7},
}


def train(config):
    assert config["model"]["fixed"] == 7 and 1 <= config["n"] < 10 and config["even"] % 4 == 0
    loss = (config["x"] - 1) ** 2 + 0.1 * abs(config["n"] - 4) + (config["kind"] != "a")
    return {"loss": loss + abs(config["model"]["depth"] - 8) / 8, "cost": config["n"]}


class Search(unittest.TestCase):
    def run_search(self, function=train, mode="min", n=30, **settings):
        search = MetaorchSearch(seed=1, **settings)
        self.addCleanup(search.close)
        analysis = tune.run(function, config=SPACE, metric="loss", mode=mode, num_samples=n, search_alg=search, verbose=0)
        return search, analysis

    def test_finds_the_best_configuration(self):
        search, analysis = self.run_search(cost_attr="cost")
        self.assertLess(analysis.best_result["loss"], 0.5)
        self.assertAlmostEqual(search.best()["loss"], analysis.best_result["loss"])

    def test_maximizes_and_bears_failures(self):
        def odd(config):
            return {"loss": float("nan") if config["n"] == 2 else -train(config)["loss"]}

        search, analysis = self.run_search(odd, mode="max", n=20)
        told = search._session.send({"hello": {"protocol": 1}})["hello"]
        self.assertEqual((told["told"], told["pending"]), (20, []))
        self.assertGreater(search.best()["loss"], -20)

    def test_domains_without_ends_are_refused(self):
        with self.assertRaisesRegex(ValueError, "y: .* no ends"):
            MetaorchSearch().set_search_properties("loss", "min", {"y": tune.randn(0, 1)})


if __name__ == "__main__":
    unittest.main()
