"""A search in a child process, spoken to in JSON lines: the protocol of `metaorch tune --stdio`."""

import json
import os
import subprocess


class SessionError(RuntimeError):
    """What the search answered instead of a result."""


class Session:
    """One search of `space`, a dict with `parameters` as in docs/tune.md.

    `binary` is the program, by default `$METAORCH` or `metaorch` on PATH; `options` are further arguments, such as
    `["--fidelities", "0.1,1"]`. With `out` the search is kept in that directory and taken up again.
    """

    def __init__(self, space, *, algorithm="bayes", seed=0, binary=None, out=None, options=()):
        command = [binary or os.environ.get("METAORCH", "metaorch"), "tune", "--stdio"]
        command += ["--algorithm", algorithm, "--seed", str(seed), *options]
        if out is not None:
            command += ["--out", os.fspath(out)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.greeting = self.send({"hello": {"protocol": 1, "space": space}})["hello"]

    def send(self, request):
        """Sends one request and gives its answer; an error of the search is raised as `SessionError`."""
        try:
            self._process.stdin.write(json.dumps(request, allow_nan=False) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise SessionError(f"the search ended with exit code {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise SessionError(answer["error"])
        return answer

    def ask(self):
        """The next trial as a dict with `trial`, `parameters`, `fidelity`; None while there is none."""
        trials = self.send({"ask": 1})["trials"]
        return trials[0] if trials else None

    def tell(self, trial, **report):
        """Reports `loss` (with `cost`, `fidelity`, `violations`), or `failed`."""
        self.send({"tell": {"trial": trial, **report}})

    def observe(self, parameters, **report):
        """Reports an evaluation that was not asked for."""
        self.send({"observe": {"parameters": parameters, **report}})

    def best(self):
        """The best trial so far, or None."""
        return self.send({"best": {}})["best"]

    def close(self):
        """Ends the search."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # It ended before it was told to.
        self._process.wait()
        self._process.stdout.close()

    def __del__(self):
        if hasattr(self, "_process"):
            self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
