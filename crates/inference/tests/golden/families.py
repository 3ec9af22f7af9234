"""Makes tokenizers.json, families.json, templates.json and vocabularies.json with llama.cpp's own server.

    pip install numpy==2.* gguf xllamacpp tokenizers sentencepiece
    python families.py [--real NAME=FILE.gguf ...]

Vocabularies are trained here on the lines below; weights are numbers that the Rust tests compute again from the names
of the tensors. `--real` adds ids of models at hand (only ids are kept, no part of a model).
"""

import io
import json
import pathlib
import random
import sys
import tempfile
import urllib.request

import gguf
import numpy as np
import sentencepiece
import tokenizers
import xllamacpp

HERE = pathlib.Path(__file__).parent
VERSION = "xllamacpp 2026.10.11549"

PROSE = """
The quick brown fox jumps over the lazy dog. News: The striker scored twice in the final. Topic: sport
Shares of the bank fell by a tenth after the report, which nobody had expected so soon. Topic: business
It's what they've always said; we'll see whether he's right, I'm sure she'd agree, and you're welcome to it.
for (int i = 0; i < n; i++) { total += values[i] * weights[i]; }  // sum of products
def answer(question: str) -> str:\n    return question.strip().lower()
Der schnelle braune Fuchs springt über den faulen Hund. Le vif renard brun saute par-dessus le chien paresseux.
Быстрая коричневая лиса прыгает через ленивую собаку. 素早い茶色の狐がのろまな犬を飛び越える。敏捷的棕色狐狸跳过懒狗。
The answer to the question is that the other thing there was never more than another part of the whole matter.
In 2024 there were 365 days, 12 months, 52 weeks and 1440 minutes in each of the days, or so they say: 3.14159.
"""

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", " \n ", "\r\n", "a", " a", "a ", "  a  b   c    d",
    "Hello, world!", "I have 12345 apples in 2024.", " leading space", "Trailing space ", "trailing spaces   ",
    "tabs\tand\n\nnewlines  ", "line one\nline two\r\nline three\n\n\nline six", "\n  indented\n    more\n\tand a tab",
    "naïve café — “quotes” 😀 日本語", "don't we'll I'M they've", "DON'T WE'LL I'm THEY'VE he'D", "'tis 's 'S ''ll '",
    "x=3.14*y[i]+=2", "if (a && b || !c) { return a->b[i++]; }", "<|im_end|> is no token here",
    "<|im_start|>user\nhi<|im_end|>", "</s><s>[INST] hi [/INST]", "<bos><eos><pad><unk>", "<start_of_turn>user\nhi<end_of_turn>",
    "<|begin_of_text|><|eot_id|>", "<think>hm</think>", "<tool_call>{\"name\": 1}</tool_call>", "<0x0A>", "<table><tr><td>x</td></tr></table>",
    "MixedCASE_with_underscores", "camelCaseHTTPServer2Go", "SCREAMING_SNAKE_CASE", "a b　c ½ ²  ٣", "١٢٣٤٥ ४५६ Ⅳ ① ½",
    "1", "12", "123", "1234", "12345", "123456", "1234567", "1,234,567.89", "0.1+0.2!=0.3", "2024-11-27T08:30:00Z", "1e-10 0x1F 1_000",
    "é e\u0301 ñ n\u0303 ö o\u0308", "नमस्ते दुनिया", "สวัสดีชาวโลก", "مرحبا بالعالم", "שלום עולם", "Привет, мир!", "Γειά σου Κόσμε",
    "안녕하세요 세계", "こんにちは、世界。", "你好，世界！", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒯𝑒𝓍𝓉", "👩‍👩‍👧‍👦 👍🏽 🇩🇪 ❤️", "😀😃😄", "🙂text🙂", "zero\u200bwidth\u200djoin\ufeff",
    "nbsp\u00a0here\u2003em\u3000ideographic", "\u0085next line\u2028sep\u2029", "\x00\x01\x1b[0m\x7f", "soft\u00adhyphen", "rtl \u202eoverride\u202c",
    "Ａｂｃ１２３ fullwidth", "ﬁ ligature ﬀ", "ß ẞ ſ", "İstanbul ısı", "Ǆ ǅ ǆ", "\u0301 lone accent", "a\u0300\u0301\u0302\u0303",
    "http://example.com/path?x=1&y=2#frag", "user@example.com", "C:\\Users\\me\\file.txt", "/usr/local/bin", "~/.bashrc && echo $HOME",
    "#include <stdio.h>\nint main(void) { return 0; }", "SELECT * FROM t WHERE a = 'b';", "{\"key\": [1, 2.5, null, true]}", "<div class=\"x\">&nbsp;</div>",
    "def f(x):\n    return x ** 2\n\n\nclass A:\n    pass\n", "fn main() {\n\tprintln!(\"{}\", 1);\n}", "a+b-c*d/e%f^g&h|i~j", "$100 €50 £20 ¥1000 ₿1",
    "...", "!!!", "?!?!", "---", "***bold*** _it_ `code`", "“smart” ‘quotes’ «guillemets» „deutsch“", "– — ― …", "(([[{{}}]]))", "@#$%^&*",
    " !", "  !!", "\t!", "! ", "a!b", "a !b", "a! b", ".\n", ".\n\n", "!\r\n", ";\n}\n", "word/\nword", "/ // /// \n//",
    "                                  many spaces", "\n\n\n\n\n\n\n\n", "\t\t\t\tx", " \t \t x", "a\u00a0\u00a0b", "\u3000\u3000x",
    "The answer to the question is", "Sentiment: positive", "sports", " sport", "News: Shares of the bank fell by a tenth.\nTopic:",
    "ẠạẢảẤấẦầ tiếng Việt", "ćčžšđ ŁÓDŹ ąęśźż", "ᚠᚢᚦ ⴰⵣⵓⵍ ᏣᎳᎩ", "ꦲꦏ꧀ꦱꦫ ქართული հայերեն", "\U00020000\U0002a6d6 rare han", "㍿ ㎏ ㏒",
    "๑๒๓ ௧௨௩ ೧೨೩", "²³¹ ₁₂₃ ⁴⁵", "e=mc² H₂O CO₂", "∑∫√∞≠≤≥±×÷", "←↑→↓⇒⇔", "♠♣♥♦★☆", "█▓▒░", "▁▁ lower blocks ▁", "\u2581x\u2581",
]

ALPHABETS = [
    "abcdefghij ABC", "0123456789", " \n\t\r", ".,;:!?'\"-/()[]{}", "éüñçßøåæ", "日本語中文字한글かな", "абвгдежз", "مرحباشكر", "नमस्ते",
    "😀👍🏽🇩🇪❤️\u200d", "\u0301\u0300\u0308", "'s't're've'm'll'd", "₿$€£+<=>^~|", "\u00a0\u3000\u2003 ",
]


def texts():
    """200 texts: those above, then mixtures of alphabets."""
    draws = random.Random(7)
    made = list(TEXTS)
    while len(made) < 200:
        parts = []
        for _ in range(draws.randint(2, 7)):
            alphabet = draws.choice(ALPHABETS)
            parts.append("".join(draws.choice(alphabet) for _ in range(draws.randint(1, 6))))
        text = "".join(parts)
        if text not in made:
            made.append(text)
    assert len(made) == 200 and len(set(made)) == 200
    return made


BPE_SPECIALS = {  # kind 3 is control, 4 always one token
    "<|endoftext|>": 3, "<|im_start|>": 3, "<|im_end|>": 3, "<|begin_of_text|>": 3, "<|start_header_id|>": 3,
    "<|end_header_id|>": 3, "<|eot_id|>": 3, "<tool_call>": 4, "</tool_call>": 4, "<think>": 4, "</think>": 4,
}
SPM_CONTROL = ["<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]"]
SPM_ALWAYS = ["\n\n", "\n\n\n", "  ", "   ", "    ", "<table>", "<td>", "\t\t"]


def byte_pairs():
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=480, special_tokens=[], initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(PROSE.splitlines() * 3, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = [text for text, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    merges = [" ".join(merge) for merge in model["merges"]]
    kinds = [1] * len(tokens) + list(BPE_SPECIALS.values())
    tokens += list(BPE_SPECIALS)
    return {"model": "gpt2", "tokens": tokens, "kinds": kinds, "merges": merges}


def pieces():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(PROSE.splitlines() * 3), model_writer=model, vocab_size=480, model_type="bpe",
        byte_fallback=True, character_coverage=0.98, split_digits=True, control_symbols=SPM_CONTROL,
        normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2, hard_vocab_limit=False,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    tokens, kinds, scores = [], [], []
    for i in range(processor.get_piece_size()):
        tokens.append(processor.id_to_piece(i))
        scores.append(processor.get_score(i))
        kinds.append(2 if processor.is_unknown(i) else 3 if processor.is_control(i) else 6 if processor.is_byte(i) else 1)
    for text in SPM_ALWAYS:
        tokens.append(text)
        scores.append(-1000.0)
        kinds.append(4)
    return {"model": "llama", "tokens": tokens, "kinds": kinds, "scores": [float(np.float32(s)) for s in scores]}


def numbers(name, shape, offset, scale):
    """Numbers that depend on the name and the place alone; see `Weights` in the Rust tests."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    unit = (z >> np.uint64(48)).astype(np.float64) / 65536 - 0.5
    return (offset + scale * unit).astype(np.float32).reshape(shape)


def model(name, arch, table, pre, *, layers=2, head=8, context=256, base=1e4, extra=(), tied=True, turned=None,
          biases=False, norms=False, after=False, factors=False):
    """Values and tensors of a small model."""
    width, heads, kv, inner, vocabulary = 32, 4, 2, 48, len(table["tokens"])
    values = {
        f"{arch}.block_count": ("u32", layers), f"{arch}.context_length": ("u32", context),
        f"{arch}.embedding_length": ("u32", width), f"{arch}.feed_forward_length": ("u32", inner),
        f"{arch}.attention.head_count": ("u32", heads), f"{arch}.attention.head_count_kv": ("u32", kv),
        f"{arch}.attention.layer_norm_rms_epsilon": ("f32", 1e-6), f"{arch}.rope.freq_base": ("f32", base),
        f"{arch}.attention.key_length": ("u32", head), f"{arch}.attention.value_length": ("u32", head),
        f"{arch}.rope.dimension_count": ("u32", turned or head),
        "tokenizer.ggml.pre": ("string", pre),
    }
    values.update({key: value for key, value in extra})
    tensors = [("token_embd.weight", [vocabulary, width], 0, 2), ("output_norm.weight", [width], 1, 0.5)]
    if not tied:
        tensors.append(("output.weight", [vocabulary, width], 0, 2))
    if factors:
        tensors.append(("rope_freqs.weight", [(turned or head) // 2], 4, 6))
    for i in range(layers):
        block = [
            ("attn_norm", [width], 1, 0.5), ("attn_q", [heads * head, width], 0, 1), ("attn_k", [kv * head, width], 0, 1),
            ("attn_v", [kv * head, width], 0, 1), ("attn_output", [width, heads * head], 0, 1), ("ffn_norm", [width], 1, 0.5),
            ("ffn_gate", [inner, width], 0, 1), ("ffn_up", [inner, width], 0, 1), ("ffn_down", [width, inner], 0, 1),
        ]
        if norms:
            block += [("attn_q_norm", [head], 1.5, 1), ("attn_k_norm", [head], 1.5, 1)]
        if after:
            block += [("post_attention_norm", [width], 1, 0.5), ("post_ffw_norm", [width], 1, 0.5)]
        tensors += [(f"blk.{i}.{part}.weight", shape, offset, scale) for part, shape, offset, scale in block]
        if biases:
            for part, rows in [("attn_q", heads * head), ("attn_k", kv * head), ("attn_v", kv * head)]:
                tensors.append((f"blk.{i}.{part}.bias", [rows], 0, 2))
    return {"name": name, "arch": arch, "values": values, "tensors": tensors}


def write(path, made, table, template=None):
    writer = gguf.GGUFWriter(path, made["arch"])
    add = {"u32": writer.add_uint32, "f32": writer.add_float32, "bool": writer.add_bool, "string": writer.add_string}
    for key, (kind, value) in made["values"].items():
        add[kind](key, value)
    writer.add_string("tokenizer.ggml.model", table["model"])
    writer.add_array("tokenizer.ggml.tokens", table["tokens"])
    writer.add_array("tokenizer.ggml.token_type", table["kinds"])
    if "merges" in table:
        writer.add_array("tokenizer.ggml.merges", table["merges"])
    if "scores" in table:
        writer.add_array("tokenizer.ggml.scores", table["scores"])
    if template:
        writer.add_string("tokenizer.chat_template", template)
    for name, shape, offset, scale in made["tensors"]:
        writer.add_tensor(name, numbers(name, shape, offset, scale))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Server:
    """llama.cpp's server on one file, without rounding below single precision."""

    def __init__(self, path, context=256):
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel, params.cpuparams.n_threads = context, 1, 1
        params.use_jinja, params.warmup, params.verbosity = True, False, 0
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.swa_full = True
        self.server = xllamacpp.Server(params)

    def post(self, path, body):
        request = urllib.request.Request(
            self.server.listening_address + path, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        return json.load(urllib.request.urlopen(request))

    def ids(self, text, special=False, start=False):
        return self.post("/tokenize", {"content": text, "parse_special": special, "add_special": start})["tokens"]


def tokenised(path, made):
    server = Server(path)
    return {
        "ids": [server.ids(text) for text in made],
        "start": server.ids("Hello", start=True),
        "special": server.ids("a<|im_end|>b</s> <end_of_turn><think>", special=True),
    }


TEMPLATES = {
    # As models tuned with ChatML have it.
    "chatml": (
        "bpe",
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
        "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    ),
    # With what later models use: namespaces, slices, methods of texts, tests, whitespace control.
    "thinking": (
        "bpe",
        """{%- if tools %}
    {{- '<|im_start|>system\\n' + (tools | tojson) + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(last=messages|length - 1, found=false) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if not ns.found and message.role == 'user' and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.found = true %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == 'assistant' %}
        {%- if '</think>' in content %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\\n' + content.strip('\\n') + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    ),
    # Header tokens, a start token, trimmed contents, block tags on lines of their own.
    "headers": (
        "bpe",
        """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- system }}
{{- "<|eot_id|>" }}
{% for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{% if add_generation_prompt %}
{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}""",
    ),
    # Turns that must alternate, the system's words before the first, another name for the assistant.
    "turns": (
        "spm",
        """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model\\n' }}
{%- endif -%}""",
    ),
    # Brackets, an end token after each answer.
    "brackets": (
        "spm",
        "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
        "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
        "{{ ' ' + message['content'].strip() + eos_token}}{% else %}{{ message['content'] ~ '\n\n' }}{% endif %}{% endfor %}",
    ),
}

CHATS = [
    [("user", "What is 2 + 2?")],
    [("system", " Be brief. "), ("user", "Name a colour.\n"), ("assistant", "<think>\nhm\n</think>\n\nBlue."), ("user", "  Another? ")],
    [("user", "Is <|im_end|> or <end_of_turn> a word? {{ x }} & \"quotes\""), ("assistant", "No."), ("user", "Да? 😀")],
]


def main():
    tables = {"bpe": byte_pairs(), "spm": pieces()}
    made = texts()
    folder = pathlib.Path(tempfile.mkdtemp())
    u32, f32, flag = (lambda v: ("u32", v)), (lambda v: ("f32", v)), (lambda v: ("bool", v))
    at = {name: tables["bpe"]["tokens"].index(name) for name in BPE_SPECIALS}
    ends = [("tokenizer.ggml.bos_token_id", u32(at["<|begin_of_text|>"])), ("tokenizer.ggml.eos_token_id", u32(at["<|im_end|>"]))]
    spm = [("tokenizer.ggml.bos_token_id", u32(1)), ("tokenizer.ggml.eos_token_id", u32(2)), ("tokenizer.ggml.unknown_token_id", u32(0))]
    bpe_table, spm_table = tables["bpe"], tables["spm"]

    tokenizers_json = {"generator": f"families.py with {VERSION}", "texts": made, "tables": tables, "vocabularies": []}
    pres = ["gpt-2", "default", "smollm", "llama-bpe", "qwen2", "tekken"]
    kinds = [(pre, "bpe", pre, ends) for pre in pres]
    kinds += [("spm-space", "spm", "default", spm), ("spm-plain", "spm", "default", spm + [("tokenizer.ggml.add_space_prefix", flag(False))])]
    for name, table, pre, extra in kinds:
        path = folder / f"{name}.gguf"
        small = model(name, "llama", tables[table], pre, layers=1, extra=extra)
        write(path, small, tables[table])
        values = {key: list(value) for key, value in small["values"].items() if key.startswith("tokenizer.")}
        tokenizers_json["vocabularies"].append({"name": name, "table": table, "values": values, **tokenised(path, made)})
        print(name, sum(map(len, tokenizers_json["vocabularies"][-1]["ids"])))
    dump("tokenizers.json", tokenizers_json)

    window = [("gemma3.attention.sliding_window", u32(8))]
    linear = lambda arch, by: [(f"{arch}.rope.scaling.type", ("string", "linear")), (f"{arch}.rope.scaling.factor", f32(by))]
    models = [
        ("bpe", model("llama", "llama", bpe_table, "llama-bpe", base=5e5, extra=ends, tied=False)),
        ("spm", model("llama-linear", "llama", spm_table, "default", extra=spm + linear("llama", 4.0))),
        ("bpe", model("llama-factors", "llama", bpe_table, "llama-bpe", extra=ends, factors=True)),
        ("bpe", model("qwen2", "qwen2", bpe_table, "qwen2", base=1e6, extra=ends, biases=True)),
        ("bpe", model("qwen3", "qwen3", bpe_table, "qwen2", base=1e6, head=16, extra=ends, norms=True, tied=False)),
        ("spm", model("gemma3", "gemma3", spm_table, "default", layers=7, head=16, base=1e6, extra=spm + window, norms=True, after=True)),
        ("spm", model("gemma3-linear", "gemma3", spm_table, "default", layers=7, head=16, base=1e6,
                      extra=spm + window + linear("gemma3", 8.0), norms=True, after=True)),
    ]
    families = {"generator": f"families.py with {VERSION}", "models": []}
    draws = random.Random(11)
    for table, small in models:
        path = folder / f"{small['name']}.gguf"
        write(path, small, tables[table])
        server = Server(path)
        prompts = []
        for length in [1, 5, 41]:
            tokens = [draws.randrange(3, 400) for _ in range(length)]
            # Token by token: the server leaves probabilities out where a token ends within a letter.
            steps, read = [], list(tokens)
            for _ in range(8):
                body = {"prompt": read, "n_predict": 1, "n_probs": 8, "temperature": 0, "samplers": ["temperature"],
                        "cache_prompt": False, "return_tokens": True}
                answer = server.post("/completion", body)
                told = answer.get("completion_probabilities") or [{"top_logprobs": []}]
                top = [[t["id"], round(t["logprob"], 5)] for t in told[0]["top_logprobs"]]
                if not answer["tokens"]:
                    steps.append({"top": top})
                    break
                steps.append({"id": answer["tokens"][0], "top": top})
                read.append(answer["tokens"][0])
            prompts.append({"tokens": tokens, "steps": steps})
        values = {key: list(value) for key, value in small["values"].items()}
        families["models"].append({"name": small["name"], "arch": small["arch"], "table": table, "values": values,
                                   "tensors": small["tensors"], "prompts": prompts})
        print(small["name"], [len(p["steps"]) for p in prompts])
    dump("families.json", families)

    templates = {"generator": f"families.py with {VERSION}", "chats": CHATS, "templates": []}
    for name, (table, template) in TEMPLATES.items():
        path = folder / f"{name}.gguf"
        extra = ends if table == "bpe" else spm
        small = model(name, "llama", tables[table], "llama-bpe" if table == "bpe" else "default", layers=1, extra=extra)
        write(path, small, tables[table], template)
        server = Server(path)
        written = []
        for chat in CHATS:
            messages = [{"role": role, "content": content} for role, content in chat]
            written.append(server.post("/apply-template", {"messages": messages})["prompt"])
        values = {key: list(value) for key, value in small["values"].items() if key.startswith("tokenizer.")}
        templates["templates"].append({"name": name, "table": table, "values": values, "template": template, "written": written})
        print(name, json.dumps(written[1]))
    dump("templates.json", templates)

    real = [argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument]
    if real:
        vocabularies = {"generator": f"families.py with {VERSION}", "ids": {}}
        for name, path in real:
            server = Server(path)
            vocabularies["ids"][name] = [server.ids(text) for text in made]
            print(name, sum(map(len, vocabularies["ids"][name])))
        dump("vocabularies.json", vocabularies)


def dump(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (HERE / name).write_text(text + "\n", encoding="utf-8")


main()
