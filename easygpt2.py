# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy>=1.26"]
# ///
"""GPT-2 inference, whole, in one file: a tutorial that is also the program.

The promise: these 18 steps, read from top to bottom, are all that turns a prompt into its
continuation; libraries parse JSON, calculate with arrays and draw random numbers. With OpenAI's
files the ids are those of OpenAI's code, and so are the scores, up to float32's rounding.
The limits: one prompt, no GPU, no training, letters by the running Python's Unicode version.
The source of truth: "Language Models are Unsupervised Multitask Learners" (Radford et al., 2019)
and the code that OpenAI released with it, https://github.com/openai/gpt-2.

The flow of the data. GPT-2 only ever guesses the one token that comes next; a loop does the rest:
    prompt    a string                                               step 1
    words     cut out of it, their bytes made printable              steps 2 to 4
    ids       the words' parts, the tokens, as numbers               steps 5 to 7
    weights   numbers that training tuned on text, to guess well     steps 8 to 11
    residual  a row of numbers per token, to which every layer adds  step 12
    logits    a score for every token that could come next           step 13
    ids       one longer, and back to step 12 with it                step 14
    output    ids to tokens to bytes to text                         steps 15 to 18

The glossary, with sizes in GPT-2 124M. A comment like `# [n_new, n_embd]` is the shape of the
tensor (the array) that its line makes: n_new rows, n_embd columns.
    n_vocab    50257    tokens that the model knows: pieces of text, down to single bytes
    n_ctx      1024     the context: how many tokens the model can look at
    n_embd     768      numbers per token, between one layer and the next
    n_layer    12       layers: attention (tokens look back), then an MLP (each token by itself)
    n_head     12       attention heads: each can look for something else, in its own columns
    head_size  64       columns of one head, n_embd / n_head
    n_past, n_new       tokens that went through the layers before; that go now; n_seen is both
    wte, wpe            word token embeddings, word position embeddings: a learned row for each
    ln_1, ln_2, ln_f    layer norms: before attention; before the MLP; after the last layer
    c_attn, attn.c_proj attention's matrices: make q, k and v; combine what the heads have found
    c_fc, mlp.c_proj    multi-layer perceptron's: to 4 * n_embd columns, bent by GELU; and back
    .weight, .bias      what such a part multiplies by; what it then adds; both learned
    q, k, v             query, key, value: what a token looks for; is found by; hands over
    logits, softmax     scores of any size; the formula that makes probabilities of them
    BPE                 byte pair encoding: neighbours are merged, again and again, into tokens
"""
import json
import struct
import sys
import numpy as np

# %% Step 1. Read the prompt
# The prompt is a string (skim the rest). An example shows this run when its step first ends:
#   python easygpt2.py "The naïve wolf didn't" --tokens 5 --model models/tales
#   prompt → "The naïve wolf didn't"
USAGE = """usage: python easygpt2.py PROMPT [options]
  PROMPT           the text to continue, in quotes; after -- if it starts with a dash
  --tokens N       how many new tokens to make, at least 1 (8)
  --model FOLDER   GPT-2 as Hugging Face publishes it (models/gpt2 if there, else models/tales)
  --temperature T  0 takes the likeliest token; more draws one, the wilder the higher (0)
  --top-k K        draw among the K likeliest tokens only, at least 1 (all)
  --seed S         a whole number; the same one makes the same draws (another each time)"""
HELP = "python easygpt2.py --help"
TALES = 'python easygpt2.py "Once upon a time" --model models/tales'

def show(text, end="\n"):
    """Print `text` at once; end in silence if nobody reads any more (`| head -1`)."""
    try:
        print(text, end=end, flush=True)
    except OSError as error:  # a pipe closed at its other end is number 32, on Windows 22
        sys.stdout = None
        sys.exit(0 if error.errno in (22, 32) else f"easygpt2.py: cannot print: {error}")

def check(good, problem, next_command=TALES, status=1):
    """Unless `good`, stop with one line: what is wrong, and what to type next."""
    if not good:
        print(*f"easygpt2.py: {problem}; type: {next_command}".splitlines(), file=sys.stderr)
        sys.exit(status)

np.seterr(all="ignore")  # no warnings: nearly all that overflows ends in the logits, and is caught
if hasattr(sys.stdout, "reconfigure"):  # some terminals cannot print every character
    sys.stdout.reconfigure(errors="backslashreplace")
options = {"--tokens": 8, "--model": None, "--temperature": 0, "--top-k": 10**9, "--seed": None}
prompts = []
arguments = iter(sys.argv[1:])
for argument in arguments:
    if argument in ("-h", "--help"):
        show(USAGE)
        sys.exit()
    elif argument == "--":
        prompts += arguments
    elif argument in options:
        options[argument] = next(arguments, "--")
        check(options[argument][:2] != "--", f"{argument} needs a value", HELP, 2)
    else:
        check(argument[:1] != "-", f"unknown option {argument!r}", HELP, 2)
        prompts.append(argument)
for name, least in [("--tokens", 1), ("--top-k", 1), ("--seed", 0), ("--temperature", 0)]:
    value = options[name]
    if value is None:  # no seed, so another each time
        continue
    try:
        options[name] = float(value) if name == "--temperature" else int(value)
    except ValueError:
        options[name] = -1
    check(least <= options[name] < np.inf, f"{name} cannot be {value!r}", HELP, 2)
n_tokens, top_k, temperature = options["--tokens"], options["--top-k"], options["--temperature"]
check("".join(prompts), "no prompt", TALES, 2)
check(len(prompts) < 2, "more than one prompt", f"python easygpt2.py {' '.join(prompts)!r}", 2)
try:  # in the "C" locale a byte beyond ASCII arrives as a surrogate, a stand-in
    prompt = prompts[0].encode("utf-8", "surrogateescape").decode("utf-8")
except UnicodeError:
    check(False, "the prompt is not UTF-8", TALES, 2)
model, hint = options["--model"], ""
if model is None:
    program = str(globals().get("__file__", ""))
    here = program[: max(program.rfind("/"), program.rfind("\\")) + 1]
    model = f"{here}models/gpt2"
    try:
        open(f"{model}/config.json", "rb").close()
    except OSError:
        hint = " (OpenAI's own: type python download.py)"
        model = f"{here}models/tales"
print(f"Model: {model}{hint}", file=sys.stderr)
show(f"Input: {prompt}")

# %% Step 2. Split the prompt into words
# A list of words (pre-tokens): runs of letters, numbers, symbols, white space. No token spans two.
# A space joins the run that follows it, and English endings like 't stand alone.
#   words → ['The', ' naïve', ' wolf', ' didn', "'t"]
# Why does a space at the end of a prompt hurt? Alone it is a word that the model has hardly seen.
kinds = []
for character in prompt:
    if character.isalpha():
        kinds.append("letter")  # in OpenAI's pattern, a regular expression, \p{L}
    elif character.isnumeric():  # \p{N}; asked second: 一 is numeric as well, yet a letter
        kinds.append("number")
    elif character.isspace() and character not in "\x1c\x1d\x1e\x1f":  # symbols to GPT-2
        kinds.append("space")
    else:
        kinds.append("symbol")
kinds.append("end")
words = []
start = 0
while start < len(prompt):
    first = start  # the character that decides what kind of word this is
    if prompt[start] == " " and kinds[start + 1] not in ("space", "end"):
        first = start + 1
    end = first + 1
    while kinds[end] == kinds[first]:
        end += 1
    if kinds[first] == "space" and kinds[end] != "end" and end - start > 1:
        end -= 1  # the last of several is left: a space joins the next word, a line end is a word
    # Subtle: in lower case only: DON'T is DON, the apostrophe, T. Not only at ends: 'the is 't, he.
    for contraction in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
        if prompt.startswith(contraction, start):
            end = start + len(contraction)
    words.append(prompt[start:end])
    start = end

# %% Step 3. A printable character for every byte
# A table from byte to character. Any text is bytes, so a model that knows all bytes can read
# any text; and a token whose bytes can be printed can be looked at and stored in a text file.
#   byte_to_character[32], byte_to_character[127] → ('Ġ', 'ġ')
# Subtle: why `Ġ`? Bytes that do not print take the characters from 256 on in turn. The space is
# number 32 of them, from zero: 256 + 32. Byte 127 is number 33: 256 + 33, not 256 + 127.
byte_to_character = {}
n_unprintable = 0
for byte in range(256):
    if 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte <= 255:
        byte_to_character[byte] = chr(byte)
    else:
        byte_to_character[byte] = chr(256 + n_unprintable)
        n_unprintable += 1

# %% Step 4. Words as printable bytes
# The same words, a character for each byte of their UTF-8: `ï` is two bytes.
#   printable_words → ['The', 'ĠnaÃ¯ve', 'Ġwolf', 'Ġdidn', "'t"]
printable_words = []
for word in words:
    printable_words.append("".join([byte_to_character[byte] for byte in word.encode("utf-8")]))

# %% Step 5. The merges
# A rank, its line's number, for each pair of pieces that may become one: the most frequent first.
#   merge_rank["Ġ", "t"], merge_rank["v", "e"] → (1, 60)
path = f"{model}/merges.txt"  # in OpenAI's release: vocab.bpe
merge_rank = {}
try:
    with open(path, encoding="utf-8") as file:
        for rank, line in enumerate(file):
            if rank > 0 or not line.startswith("#version"):  # Subtle: a merge may begin with #
                left, right = line.split()
                merge_rank[left, right] = rank
except (OSError, ValueError) as error:
    check(False, f"cannot read {path} after {len(merge_rank)} merges: {error}")

# %% Step 6. Merge by rank
# The tokens of the prompt. Each word starts as characters. Of all pairs of neighbours the one with
# the lowest rank becomes one piece wherever it stands; this repeats until no pair has a rank.
#   tokens → ['The', 'Ġn', 'a', 'Ã', '¯', 've', 'Ġwolf', 'Ġdidn', "'t"]
tokens = []
for printable_word in printable_words:
    pieces = list(printable_word)
    while True:
        ranked = {merge_rank[pair]: pair for pair in zip(pieces, pieces[1:]) if pair in merge_rank}
        if not ranked:
            break
        left, right = ranked[min(ranked)]
        merged = []
        for piece in pieces:
            if piece == right and merged and merged[-1] == left:
                merged[-1] = left + right
            else:
                merged.append(piece)
        pieces = merged
    tokens += pieces

# %% Step 7. Tokens to ids
# The prompt as numbers, all that the model will see of it:
#   ids → [329, 294, 64, 127, 107, 315, 2094, 1198, 426]
# Why does `<|endoftext|>`, the token that ends a text, not end a prompt? Typed there it is text
# like any other, seven plain tokens in OpenAI's vocabulary; no merge leads to that one token.
path = f"{model}/vocab.json"  # in OpenAI's release: encoder.json
try:
    with open(path, encoding="utf-8") as file:
        vocabulary = {**json.load(file)}  # unpacked, to be an object for sure
except (OSError, ValueError, TypeError, RecursionError) as error:
    check(False, f"cannot read {path}: {error}")
numbers = sorted(id for id in vocabulary.values() if type(id) is int)
check(numbers and numbers == list(range(len(vocabulary))), f"{path}: ids are not 0, 1, 2 ...")
check(set("".join(vocabulary)) <= set(byte_to_character.values()), f"{path}: unknown characters")
known = {left + right for left, right in merge_rank} <= vocabulary.keys()
check(merge_rank and known, f"{path} and merges.txt do not belong together")
ids = []
for token in tokens:
    check(token in vocabulary, f"{path} lacks the token {token!r} that merges.txt makes")
    ids.append(vocabulary[token])
n_prompt = len(ids)
show(f"Tokens: {ids}")

# %% Step 8. The hyperparameters
# The sizes: n_vocab, n_ctx, n_embd, n_layer, n_head, head_size → (4096, 256, 192, 6, 6, 32)
path = f"{model}/config.json"  # in OpenAI's release: hparams.json
try:
    with open(path, encoding="utf-8") as file:
        config = {**json.load(file)}
except (OSError, ValueError, TypeError, RecursionError) as error:
    check(False, f"cannot read {path}: {error}")
for name in ("n_positions", "n_embd", "n_layer", "n_head", "vocab_size", "layer_norm_epsilon"):
    good = type(config.get(name)) is (float if name == "layer_norm_epsilon" else int)
    check(good and 0 < config[name] < 1e6, f"{path}: {name} cannot be {config.get(name)}")
n_ctx, n_vocab, eps = config["n_positions"], config["vocab_size"], config["layer_norm_epsilon"]
n_embd, n_layer, n_head = config["n_embd"], config["n_layer"], config["n_head"]
head_size = n_embd // n_head
gpt2_settings = {"model_type": "gpt2", "activation_function": "gelu_new",  # else another model
                 "scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False,
                 "tie_word_embeddings": True}
for name, value in gpt2_settings.items():
    check(config.get(name, value) == value, f"{path}: {name} is {config.get(name)}, not {value}")
check(config.get("n_inner") in (None, 4 * n_embd), f"{path}: n_inner is not 4 * n_embd")
check(n_embd % n_head == 0, f"{path}: n_embd {n_embd} is not a multiple of n_head {n_head}")
check(len(vocabulary) <= n_vocab, f"{model}/vocab.json has more than vocab_size {n_vocab} tokens")
check(n_prompt <= n_ctx, f"prompt of {n_prompt} tokens, {n_ctx} fit", 'python easygpt2.py "less"')

# %% Step 9. Open the tensor file and check its header
# `header` says which bytes are which tensor. The file is simple: the length of the header in
# eight bytes, the header as JSON, then the numbers; data_offsets count from the first of those.
#   header["ln_f.bias"] → {'dtype': 'F16', 'shape': [192], 'data_offsets': [5338368, 5338752]}
show("Loading tensors")
path, name = f"{model}/model.safetensors", "its header"
try:
    tensor_file = open(path, "rb")  # mapped, it is an array whose bytes are read when first used
    file_bytes = np.memmap(tensor_file, "u1", "r")  # [len(file_bytes)]
    data_start = 8 + struct.unpack("<Q", file_bytes[:8])[0]
    check(data_start <= len(file_bytes), f"{path} ends before its header does")
    header = {**json.loads(bytes(file_bytes[8:data_start]))}
    header.pop("__metadata__", None)
    spans = [(entry["data_offsets"], name) for name, entry in header.items()]
    position = 0
    for (begin, end), name in sorted(spans):
        good = type(begin) is int and type(end) is int and position == begin <= end
        check(good, f"{path}: {name} is at {begin} to {end}, but byte {position} comes next")
        position = end
    check(data_start + position == len(file_bytes), f"{path}: {name} does not end with the file")
except (OSError, ValueError, TypeError, KeyError, RecursionError, struct.error) as error:
    check(False, f"cannot read {path}: {name}: {error}")

# %% Step 10. Read the embeddings, embed the prompt
# A row per token, waiting to become `residual`: its token's row of wte, as many learned numbers,
# plus its position's row of wpe. Tokens that are alike have learned rows that are alike.
#   waiting[0, :3] → [0.054, 0.097, -0.059]
dtypes = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}

def read_tensor(name, shape):
    """Return the tensor `name`, which must have this shape, as float32."""
    entry = header.get(name) or header.get(f"transformer.{name}", {})  # both are in use
    dtype, found_shape = entry.get("dtype"), entry.get("shape")
    check(entry, f"{path}: {name} is missing")
    check(dtype in list(dtypes), f"{path}: {name} has dtype {dtype}, not F32, F16 or BF16")
    check(found_shape == shape, f"{path}: {name} has shape {found_shape}, by config {shape}")
    begin, end = [data_start + offset for offset in entry["data_offsets"]]
    n_bytes = np.prod(shape, dtype=object) * np.dtype(dtypes[dtype]).itemsize
    check(end - begin == n_bytes, f"{path}: {name} has {end - begin} bytes, should have {n_bytes}")
    data = file_bytes[begin:end]  # [n_bytes]
    # Subtle: data at no multiple of four bytes is copied in every product; read() aligns it.
    if begin % 4 > 0:
        tensor_file.seek(begin)
        data = tensor_file.read(n_bytes)
    tensor = np.frombuffer(data, dtypes[dtype]).reshape(shape)  # [*shape]
    if dtype == "BF16":  # the upper half of the bits of a float32
        tensor = (tensor.astype(np.uint32) << 16).view(np.float32)  # [*shape]
    return tensor.astype(np.float32, copy=False)  # [*shape]

wte = read_tensor("wte.weight", [n_vocab, n_embd])  # [n_vocab, n_embd]
wpe = read_tensor("wpe.weight", [n_ctx, n_embd])  # [n_ctx, n_embd]
waiting = wte[ids] + wpe[:n_prompt]  # [n_prompt, n_embd]

# %% Step 11. Read the layers' tensors and ln_f
# All weights: a block of twelve tensors for each layer, and one layer norm, ln_f, behind them all.
# Subtle: stored as [in, out], so `rows @ matrix`. attn.c_proj is square: transposed, it still runs.
#   layers[5]["ln_1.weight"][:3] → [1.025, 1.052, 1.087]
layer_shapes = {
    "ln_1.weight": [n_embd], "ln_1.bias": [n_embd], "ln_2.weight": [n_embd], "ln_2.bias": [n_embd],
    "attn.c_attn.weight": [n_embd, 3 * n_embd], "attn.c_attn.bias": [3 * n_embd],
    "attn.c_proj.weight": [n_embd, n_embd], "attn.c_proj.bias": [n_embd],
    "mlp.c_fc.weight": [n_embd, 4 * n_embd], "mlp.c_fc.bias": [4 * n_embd],
    "mlp.c_proj.weight": [4 * n_embd, n_embd], "mlp.c_proj.bias": [n_embd],
}
layers = [{} for layer in range(n_layer)]
for layer, block in enumerate(layers):
    for name, shape in layer_shapes.items():
        block[name] = read_tensor(f"h.{layer}.{name}", shape)  # [*shape]
ln_f_weight = read_tensor("ln_f.weight", [n_embd])  # [n_embd]
ln_f_bias = read_tensor("ln_f.bias", [n_embd])  # [n_embd]
tensor_file.close()

# %% Step 12. The transformer
# `residual`, a row per token: its embedding, plus what each layer's two parts add, so that none has
# to make anew what is known. Attention first: matrices make a q, a k and a v of each row; a row's q
# dot the k of each row that it may look at is a score; softmax makes the scores shares that sum to
# one; those rows' v, each times its share, sum to what the head has found. Then the MLP, on each
# row alone. In the last layer's last head row 2, the token `a`, looks at `The`, `Ġn` and itself:
#   attention_weights[2] → [0.82, 0.06, 0.12, 0, 0, 0, 0, 0, 0]
def layer_norm(x, weight, bias):
    """Bring rows, however large they grew, to mean zero, variance one; scale, shift as learned."""
    deviation = x - x.mean(axis=-1, keepdims=True)  # [..., n_embd]
    # Subtle: the variance divides by n, not n - 1; eps, inside the root, keeps it from being zero.
    variance = (deviation * deviation).mean(axis=-1, keepdims=True)  # [..., 1]
    return deviation / np.sqrt(variance + eps) * weight + bias  # [..., n_embd]

def softmax(x):
    """Turn each row of scores into probabilities; subtracting cancels out, but keeps exp finite."""
    exp = np.exp(x - x.max(axis=-1, keepdims=True))  # [*x.shape]
    return exp / exp.sum(axis=-1, keepdims=True)  # [*x.shape]

def gelu(x):
    """Bend x: near zero if very negative, near x if large. Else c_fc and c_proj were one matrix."""
    # Subtle: GPT-2 learned with this approximation, so the exact GELU is wrong. np.sqrt(2 / np.pi),
    # a NumPy float64, would make all float64 in NumPy 2. tanh comes first to keep fewer arrays.
    tanh = np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x))  # [*x.shape]
    return 0.5 * (1 + tanh) * x  # [*x.shape]

CHUNK = 128  # rows that go through at once, few enough for the processor to keep them at hand
n_max = min(n_prompt + n_tokens, n_ctx)
# Subtle: why may keys and values of earlier rounds be kept? No token looks ahead, so its k and v
# never change, whatever follows. Without this KV cache each round would compute all the text anew.
keys, values = np.zeros([2, n_layer, n_max, n_embd], "f4")  # [n_layer, n_max, n_embd]
n_past = 0
end_of_text = vocabulary.get("<|endoftext|>")
generator = np.random.default_rng(options["--seed"]) if temperature > 0 else None  # slow to load
show(f"Generated tokens: {ids}"[:-1], end="")
while True:  # a round: a chunk of the prompt, or the token that the round before made
    n_new = min(len(waiting), CHUNK)
    n_seen = n_past + n_new
    residual = waiting[:n_new]  # [n_new, n_embd]
    waiting = waiting[n_new:]  # [..., n_embd]
    # Subtle: the mask is a triangle. In training row i had to guess what follows it, so it may not
    # look there: minus infinity after position n_past + i, of which softmax makes zero; else zero.
    mask = np.triu(np.full([n_new, n_seen], -np.inf, "f4"), n_past + 1)  # [n_new, n_seen]
    for layer, block in enumerate(layers):  # Subtle: parts get normed rows, residual is not normed
        normed = layer_norm(residual, block["ln_1.weight"], block["ln_1.bias"])  # [n_new, n_embd]
        qkv = normed @ block["attn.c_attn.weight"] + block["attn.c_attn.bias"]  # [n_new, 3*n_embd]
        # Columns of q come first, then k's, then v's. To divide q, once, divides all heads' scores.
        # Subtle: head_size products sum to about head_size**0.5; undivided, one share is near one.
        q = qkv[:, :n_embd] / head_size**0.5  # [n_new, n_embd]
        keys[layer, n_past:n_seen] = qkv[:, n_embd : 2 * n_embd]  # [n_new, n_embd]
        values[layer, n_past:n_seen] = qkv[:, 2 * n_embd :]  # [n_new, n_embd]
        heads = np.zeros_like(q)  # [n_new, n_embd]
        for head in range(n_head):
            part = slice(head * head_size, (head + 1) * head_size)  # its columns, side by side
            # Subtle: .T turns rows of k to columns, for rows of q to meet; a reshape mixes them up.
            scores = q[:, part] @ keys[layer, :n_seen, part].T  # [n_new, n_seen]
            attention_weights = softmax(scores + mask)  # [n_new, n_seen]
            heads[:, part] = attention_weights @ values[layer, :n_seen, part]  # [n_new, head_size]
        added = heads @ block["attn.c_proj.weight"] + block["attn.c_proj.bias"]  # [n_new, n_embd]
        residual = residual + added  # [n_new, n_embd]
        normed = layer_norm(residual, block["ln_2.weight"], block["ln_2.bias"])  # [n_new, n_embd]
        wide = gelu(normed @ block["mlp.c_fc.weight"] + block["mlp.c_fc.bias"])  # [n_new, 4*n_embd]
        added = wide @ block["mlp.c_proj.weight"] + block["mlp.c_proj.bias"]  # [n_new, n_embd]
        residual = residual + added  # [n_new, n_embd]
    n_past = n_seen
    if len(waiting) > 0:  # a long prompt goes through in chunks, and only its end predicts
        continue

    # Step 13. Choose the next token
    # `next_id`. The last row, normed, has looked at all text; its dot product with a token's row of
    # wte, large where both point one way, is the token's logit. The largest wins, or softmax draws.
    #   next_id → 568
    # Subtle: the embedding is tied: wte, which read the tokens, scores them. No padding row wins.
    # Why does greedy text repeat itself? Where training text had repeated, it mostly went on to.
    last = layer_norm(residual[-1], ln_f_weight, ln_f_bias)  # [n_embd]
    logits = wte @ last  # [n_vocab]
    check(np.isfinite(logits).all(), f"{path}: these weights give logits that are not numbers")
    candidates = logits[: len(vocabulary)]  # [len(vocabulary)]
    if temperature < 1e-20:  # zero, or too small for float32 to divide by
        next_id = int(np.argmax(candidates))
    else:
        best = np.argsort(-candidates, kind="stable")[:top_k]  # [n_best]
        probabilities = softmax(candidates[best] / min(temperature, 1e38))  # [n_best]
        cumulative = np.cumsum(probabilities, dtype="f8")  # [n_best]
        draw = generator.random() * float(cumulative[-1])  # hits one share; f8 keeps tiny ones
        next_id = int(best[np.searchsorted(cumulative, draw)])

    # Step 14. Append it, and stop or embed it
    # The new id is in ids. Here <|endoftext|> ends them, in OpenAI's loop not: len(ids) → 10
    ids.append(next_id)
    show(f", {next_id}", end="")
    if next_id == end_of_text or len(ids) == n_prompt + n_tokens or len(ids) > n_ctx:
        break
    # Subtle: positions count from zero, so n_past, the length of the cache, is the next position.
    waiting = wte[[next_id]] + wpe[[n_past]]  # [1, n_embd]
show("]")
if next_id == end_of_text:
    print("Stopped: the model ended the text, by <|endoftext|>", file=sys.stderr)
elif len(ids) < n_prompt + n_tokens:
    print(f"Stopped: the context of {n_ctx} tokens is full", file=sys.stderr)

# %% Step 15. The reverse vocabulary
# From id to token: id_to_token[2094] → 'Ġwolf'
id_to_token = {id: token for token, id in vocabulary.items()}

# %% Step 16. Ids to tokens
# The prompt's and the new: output_tokens[-5:] → ['Ġknow', 'Ġwhat', 'Ġto', 'Ġdo', '.']
output_tokens = [id_to_token[id] for id in ids]

# %% Step 17. The reverse table
# From character to byte: character_to_byte["Ġ"] → 32
character_to_byte = {character: byte for byte, character in byte_to_character.items()}

# %% Step 18. Bytes to text
# The prompt and its continuation: output → "The naïve wolf didn't know what to do."
# Subtle: a token may hold half a character. If the other half is missing, it shows as �.
output_bytes = bytes([character_to_byte[character] for character in "".join(output_tokens)])
output = output_bytes.decode("utf-8", errors="replace")
show(f"Output: {output}")
