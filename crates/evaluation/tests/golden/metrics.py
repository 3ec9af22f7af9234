"""Writes metrics.json beside itself: the golden values of tests/it/metrics.rs.

Python 3.11 with rouge-score 0.1.2 (nltk 3.10.4), sacrebleu 2.6.0, scikit-learn 1.9.1, krippendorff 0.9.0 and the
SQuAD 2.0 script as transformers 4.57.6 holds it. Run: python metrics.py
"""

import json
import os
import random

import krippendorff
import numpy as np
import sacrebleu
from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer
from sklearn.metrics import cohen_kappa_score
from transformers.data.metrics.squad_metrics import compute_exact, compute_f1

LONG = (
    "The committee's decision, announced on 3 March 2021, surprised many observers: it postponed the well-known "
    "project by 12-18 months, cutting its budget from $1,250.75 million to $980 million. "
) * 12
PAIRS = [
    ("the cat sat on the mat", ["the cat sat on a mat"]),
    ("", ["the cat"]),
    ("the cat", [""]),
    ("", [""]),
    ("a", ["a"]),
    ("a", ["the"]),
    ("The Eiffel Tower, Paris!", ["eiffel tower paris", "The tower"]),
    ("the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"]),
    ("running runners ran easily; happily, generalization of policies", ["run runner runs easy happy generalizing policy"]),
    ("Müller straße naïve café Ünïcödé İstanbul", ["muller strasse naïve CAFÉ unicode istanbul", "Müller Straße"]),
    ("日本語のテキスト です。 これはペンです。", ["日本語のテキストです。これはペンでした。"]),
    ("Привет, мир! Как дела?", ["Привет мир. Как твои дела?"]),
    ("नमस्ते a\u0301 दुनिया the\u0301", ["नमस्ते दुनिया", "a the"]),
    ("emoji 😀👍🏽 and zero\u200bwidth", ["emoji 😀 and zerowidth 👍🏽"]),
    ("Hello   world\t\ttabs\u00a0nbsp\u2003em\x1cfs", ["hello world tabs nbsp em fs"]),
    ("line one\nline two\n\nline three-\nbroken", ["line one line two", "line three broken"]),
    ("&quot;quoted&quot; &amp; &lt;tag&gt; <skipped> done", ["\"quoted\" & <tag> done"]),
    ("1,234.56 3.14. 5,000, 7-8 -9 10.", ["1,234.56 3.14 5000 7 - 8 -9 10"]),
    ("It's John's don't can't -- 'quoted' \"double\"", ["It is John's dont cannot -- quoted double"]),
    ("a_b {c} [d] (e) <f> g/h i\\j k|l m~n `o` ^p", ["a b c d e f g h i j k l m n o p"]),
    ("...", ["!!!"]),
    ("!", ["!"]),
    ("Repeat repeat REPEAT repeat. Repeat!", ["repeat repeat"]),
    ("one two three four five six seven eight nine ten", ["ten nine eight seven six five four three two one"]),
    ("w1 w2 w3 w4 w5", ["w1 w2 w3 w4 w5"]),
    ("w1 w2 w3", ["w1 w2 w3 w4 w5 w6 w7 w8 w9"]),
    ("x y", ["x z", "q y", "x y z w"]),
    (LONG, [LONG.replace("surprised", "astonished").replace("12-18", "12 - 18"), "Nothing of the kind was announced."]),
    (LONG[:700], [LONG[300:1000]]),
    ("An answer with an article: a, an, the.", ["answer with article"]),
    ("hy-phen-ated words-and under_scores 1st 2nd", ["hyphenated words and underscores first second"]),
    ("  leading and trailing  \n", ["leading and trailing"]),
    ("sky skies dying lying tying news innings outings cannings howe proceed exceed succeed", ["sky die lie tie new inning"]),
]
WORDS = """a at be by sky skies dying lying tying news innings inning outings outing cannings canning howe proceed exceed
succeed caresses flies dies mules denied died agreed owned humbled sizing meeting stating siezing itemization sensational
traditional reference colonizer plotted ponies ties caress cats feed bled plastered motoring sing conflated troubled sized
hopping tanned falling hissing fizzed failing filing happy enjoy spy fly try relational conditional rational valenci
hesitanci digitizer conformabli radicalli differentli vileli analogousli vietnamization predication operator feudalism
decisiveness hopefulness callousness formaliti sensitiviti sensibiliti triplicate formative formalize electriciti electrical
hopeful goodness revival allowance inference airliner gyroscopic adjustable defensible irritant replacement adjustment
dependent adoption homologou communism activate angulariti homologous effective bowdlerize probate rate cease controll roll
controlling rolled geology archaeology theology generously beautifully dramatically logically usefully possibly ably
yyyy yay yyed eyed ying oed aaed bbing 1990s 2nds x2ing abc123ed nationally specialli ies ied eed iness owing skiing
organization organizations organizational maximum presumably multiply provision owed ear saw crepe weed wee ties tied""".split()


def main():
    random.seed(7)
    stemmer = PorterStemmer()
    rouges = {s: rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=s) for s in (False, True)}
    smoothings = {"exp": ("exp", None), "none": ("none", None), "floor": ("floor", 0.1), "add_k": ("add-k", 1)}
    rows = []
    for reply, references in PAIRS:
        row = {"reply": reply, "references": references}
        row["squad_f1"] = [compute_f1(r, reply) for r in references]
        row["squad_exact"] = [compute_exact(r, reply) for r in references]
        for stem, scorer in rouges.items():
            best = scorer.score_multi(references, reply)
            row["rouge_stemmed" if stem else "rouge"] = {
                k: [v.precision, v.recall, v.fmeasure] for k, v in best.items()
            }
        row["bleu"] = {
            name: sacrebleu.sentence_bleu(reply, references, smooth_method=m, smooth_value=v).score
            for name, (m, v) in smoothings.items()
        }
        row["bleu_lowercase"] = sacrebleu.sentence_bleu(reply, references, lowercase=True).score
        row["chrf"] = sacrebleu.sentence_chrf(reply, references).score
        row["chrf_lowercase"] = sacrebleu.CHRF(lowercase=True).sentence_score(reply, references).score
        row["chrf_plus_plus"] = sacrebleu.sentence_chrf(reply, references, word_order=2).score
        rows.append(row)
    replies = [reply for reply, _ in PAIRS]
    most = max(len(references) for _, references in PAIRS)
    streams = [[refs[i] if i < len(refs) else None for _, refs in PAIRS] for i in range(most)]
    corpus = {name: sacrebleu.corpus_bleu(replies, streams, smooth_method=m, smooth_value=v).score
              for name, (m, v) in smoothings.items()}
    whole = sacrebleu.corpus_bleu(replies, streams)
    agreement = {"kappa": [], "alpha": []}
    for n in (2, 5, 30, 200):
        a = [random.randint(1, 5) for _ in range(n)]
        b = [x if random.random() < 0.6 else random.randint(1, 5) for x in a]
        if len(set(a + b)) < 2:
            continue
        agreement["kappa"].append({"first": a, "second": b, "none": cohen_kappa_score(a, b),
                                   "linear": cohen_kappa_score(a, b, weights="linear"),
                                   "quadratic": cohen_kappa_score(a, b, weights="quadratic")})
    for graders, items in ((2, 10), (3, 12), (4, 40), (6, 25)):
        truth = [random.choice([1, 2, 3, 4, 5, 7.5]) for _ in range(items)]
        grid = [[None if random.random() < 0.2 else (t if random.random() < 0.7 else random.choice([1, 2, 3, 4, 5, 7.5]))
                 for t in truth] for _ in range(graders)]
        data = np.array([[np.nan if x is None else x for x in g] for g in grid], dtype=float)
        row = {"grades": grid}
        for level in ("nominal", "ordinal", "interval", "ratio"):
            row[level] = float(krippendorff.alpha(reliability_data=data, level_of_measurement=level))
        agreement["alpha"].append(row)
    golden = {
        "rows": rows,
        "stems": {word: stemmer.stem(word) for word in sorted(set(WORDS))},
        "corpus": {"bleu": corpus, "precisions": list(whole.precisions), "bp": whole.bp, "sys_len": whole.sys_len,
                   "ref_len": whole.ref_len, "chrf": sacrebleu.corpus_chrf(replies, streams).score,
                   "chrf_plus_plus": sacrebleu.corpus_chrf(replies, streams, word_order=2).score},
        "agreement": agreement,
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=False, indent=1)
        file.write("\n")


main()
