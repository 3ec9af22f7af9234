"""Gradient steps a second of processor time: Stable-Baselines3's DQN and this project's, by turns on one thread.

    pip install torch stable-baselines3==2.9.2
    cargo build --release -p metaorch-benches --no-default-features --bin selector
    python3 benches/peers/sb3_dqn.py --selector target/release/selector --rounds 5

Both learn from random experience with 13 numbers a state, 6 actions, a network of 256, 256, 128 and batches of 64. Theirs
is the plain DQN that the package has, with uniform replay; ours is double, with priorities. Theirs takes a soft step of
the target every step, as ours does. The last line is one JSON object. For measurements on a developer's machine;
continuous integration times nothing.
"""

import argparse
import json
import statistics
import subprocess
import time

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.logger import configure


class Noise(gym.Env):
    """A world of random states and rewards."""

    observation_space = gym.spaces.Box(-1, 1, (13,), np.float32)
    action_space = gym.spaces.Discrete(6)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), float(self.np_random.random()), bool(self.np_random.random() < 0.02), False, {}


def peer(seed, steps):
    model = DQN(
        "MlpPolicy",
        Noise(),
        learning_rate=3e-4,
        buffer_size=10_000,
        batch_size=64,
        learning_starts=1000,
        train_freq=(1_000_000, "step"),
        policy_kwargs={"net_arch": [256, 256, 128]},
        seed=seed,
        device="cpu",
    )
    model.set_logger(configure(None, []))
    world = model.get_env()
    state = world.reset()
    for _ in range(2000):
        action = np.array([world.action_space.sample()])
        after, reward, done, info = world.step(action)
        model.replay_buffer.add(state, after, action, reward, done, info)
        state = after
    target = list(zip(model.q_net.parameters(), model.q_net_target.parameters()))

    def train(n):
        for _ in range(n):
            model.train(gradient_steps=1, batch_size=64)
            with torch.no_grad():
                for source, moved in target:
                    moved.data.mul_(1 - 0.005)
                    torch.add(moved.data, source.data, alpha=0.005, out=moved.data)

    train(50)
    start = time.process_time()
    train(steps)
    rate = steps / (time.process_time() - start)
    micros = []
    for _ in range(500):
        began = time.perf_counter()
        model.predict(world.observation_space.sample(), deterministic=True)
        micros.append((time.perf_counter() - began) * 1e6)
    return rate, statistics.median(micros)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--selector", required=True, help="the bench program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(1)
    ours, theirs, decisions, predictions = [], [], [], []
    for seed in range(args.rounds):
        rate, micros = peer(seed, args.steps)
        theirs.append(rate)
        predictions.append(micros)
        run = [args.selector, "speed", "--seeds", str(seed), "--json"]
        found = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        ours.append(found["gradient_steps_per_cpu_s"])
        decisions.append(found["decision_us_p50"])
        print(json.dumps({"seed": seed, "ours": ours[-1], "sb3": rate}), flush=True)
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(
        json.dumps(
            {
                "ours": statistics.median(ours),
                "sb3": statistics.median(theirs),
                "ratio": ratio,
                "ours_decision_us": statistics.median(decisions),
                "sb3_predict_us": statistics.median(predictions),
            }
        )
    )


if __name__ == "__main__":
    main()
