"""A trajectory of Gymnasium's CartPole-v1 in double precision.

    pip install gymnasium==1.4.0
    python3 cart_pole.py > cart_pole.json

Actions come from the bits of a fixed number, so that the pole both falls and recovers; states are the environment's own
before it rounds them to single precision.
"""

import json

import gymnasium as gym

episodes = []
for start, pattern in [
    ([0.01, -0.02, 0.03, 0.04], 0b0101101001011010010110100101101001011010),
    ([-0.04, 0.03, -0.02, 0.01], 0b0110100110010110011010011001011001101001),
    ([0.0, 0.0, 0.2, -0.5], 0b1101100110101),
]:
    env = gym.make("CartPole-v1").unwrapped
    env.reset(seed=0)
    env.state = tuple(start)
    steps = []
    done = False
    while not done and len(steps) < 200:
        action = pattern >> (len(steps) % 40) & 1
        _, reward, done, _, _ = env.step(action)
        steps.append({"action": action, "state": [float(x) for x in env.state], "reward": reward, "done": bool(done)})
    episodes.append({"start": start, "steps": steps})
print(json.dumps({"gymnasium": gym.__version__, "episodes": episodes}))
