"""Prints what `derived_draws_have_fixed_values_too` expects: a shuffle of 0..8 and six draws below 10.

Fisher-Yates from the end, with indices by Lemire's multiply-and-reject (2019), on the words of stream.py.
Run with Python 3 in this directory: python3 draws.py
"""
import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()):
    from stream import child, keyed, words

root = (keyed((7, 0), 0, "root", 0), keyed((7, 0), 1, "root", 0))
source = words(child(root, "trial", 3))


def below(n):
    while True:
        wide = (next(source) | next(source) << 32) * n
        if wide % 2**64 >= 2**64 % n:
            return wide >> 64


order = list(range(8))
for i in range(7, 0, -1):
    j = below(i + 1)
    order[i], order[j] = order[j], order[i]
print(order, [below(10) for _ in range(6)])
