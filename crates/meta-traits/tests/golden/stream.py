"""Writes stream.json: numbers of `Stream`, computed from the two papers and not from the Rust code.

SipHash-2-4: Aumasson & Bernstein 2012. ChaCha with 8 rounds: Bernstein 2008, 64-bit block counter, nonce 0.
Run with Python 3 in this directory: python3 stream.py > stream.json
"""
import json
import struct

M64, M32 = (1 << 64) - 1, (1 << 32) - 1


def siphash(key, data):
    v = [key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D,
         key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573]

    def rotate(x, n):
        return ((x << n) | (x >> (64 - n))) & M64

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & M64; v[1] = rotate(v[1], 13) ^ v[0]; v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & M64; v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & M64; v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & M64; v[1] = rotate(v[1], 17) ^ v[2]; v[2] = rotate(v[2], 32)

    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word; rounds(2); v[0] ^= word
    v[2] ^= 0xFF; rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def keyed(key, domain, label, index):
    raw = label.encode()
    return siphash(key, bytes([domain]) + struct.pack("<Q", len(raw)) + raw + struct.pack("<Q", index))


def child(key, label, index):
    return (keyed(key, 0, label, index), keyed(key, 1, label, index))


def words(key):
    """The 32-bit words of ChaCha8 under the node's seed."""
    seed = b"".join(struct.pack("<Q", keyed(key, 2 + part, "chacha8", 0)) for part in range(4))
    counter = 0
    while True:
        start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", seed))
        start += [counter & M32, counter >> 32, 0, 0]
        s = start[:]

        def quarter(a, b, c, d):
            def rotate(x, n):
                return ((x << n) | (x >> (32 - n))) & M32
            s[a] = (s[a] + s[b]) & M32; s[d] = rotate(s[d] ^ s[a], 16)
            s[c] = (s[c] + s[d]) & M32; s[b] = rotate(s[b] ^ s[c], 12)
            s[a] = (s[a] + s[b]) & M32; s[d] = rotate(s[d] ^ s[a], 8)
            s[c] = (s[c] + s[d]) & M32; s[b] = rotate(s[b] ^ s[c], 7)

        for _ in range(4):
            quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15)
            quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14)
        yield from ((x + y) & M32 for x, y in zip(s, start))
        counter += 1


def bits(key, skip, count):
    source = words(key)
    for _ in range(2 * skip):
        next(source)
    return [next(source) | next(source) << 32 for _ in range(count)]


vectors = []
for seed, path in [(0, []), (1, []), (2**64 - 1, []), (7, [["trial", 3]]), (7, [["trial", 4]]), (7, [["", 0]]),
                   (7, [["trial", 3], ["repeat", 2**64 - 1]]), (42, [["längeres Wort", 1]] * 3)]:
    key = (keyed((seed, 0), 0, "root", 0), keyed((seed, 0), 1, "root", 0))
    for label, index in path:
        key = child(key, label, index)
    far = 1000
    vectors.append({
        "seed": str(seed), "path": [[label, str(index)] for label, index in path], "key": f"{key[0]:016x}",
        "bits": [f"{b:016x}" for b in bits(key, 0, 4)], "skip": far, "then": f"{bits(key, far, 1)[0]:016x}",
        "written": f"{key[0]:016x}{key[1]:016x}:{2 * (far + 1):x}",
    })
print(json.dumps(vectors, indent=1, ensure_ascii=False))
