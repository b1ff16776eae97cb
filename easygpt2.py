# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy>=1.26"]
# ///
"""GPT-2 inference in one file: a tutorial that is also the program.

GPT-2 is a language model that OpenAI published in 2019. It knows 50257 pieces of text, the tokens.
It reads a text and gives each token a score: how likely is it to come next? The program appends
the best token, or draws one by chance, and the model goes on from there. So the text grows.
The scores are calculated from the text with millions of fixed numbers, the weights. Nobody chose
them. Most began as random numbers. Then, in training, the model guessed the next token at every
place of very many texts. After each batch of guesses every weight was changed a little, so that
the tokens that really came next would have had better scores. Here, training is over.

Libraries bring Unicode, JSON, arrays and random numbers. The rest is in the 18 steps below. With
OpenAI's weights the scores are OpenAI's, up to rounding. Sources: "Language Models are
Unsupervised Multitask Learners" (Radford et al., 2019), https://github.com/openai/gpt-2.
How the data flows:
    prompt → words → tokens → ids, a number for each token                         steps 1 to 7
    ids → rows of numbers, `residual` → the layers, which add to the rows          steps 8 to 12
    last row → logits, a score for each token → the next id → back to step 12      steps 13 to 14
    ids → tokens → bytes → text                                                    steps 15 to 18
"""
import json, struct, sys
import numpy as np

# %% Before step 1. Nothing in this cell is GPT-2. Skip it: the lesson goes on at line 159, step 1
# The steps call some of it: `read` returns a file's text or JSON, and `check` ends a bad run.
USAGE = """usage: python easygpt2.py PROMPT [options]
  PROMPT           the text to continue, in quotes; - reads it from stdin; -- ends the options
  --tokens N       how many new tokens to make, at least 1 (8)
  --model FOLDER   GPT-2 as Hugging Face publishes it, or a name in models/ (gpt2, else tales)
  --temperature T  0 takes the likeliest token; above 0 one is drawn, the higher the wilder (0)
  --top-k K        draw among the K likeliest tokens only, at least 1 (all)
  --seed S         a whole number; the same one makes the same draws (another each time)"""
HELP, TALES = "python easygpt2.py --help", 'python easygpt2.py "Once upon a time" --model tales'
KNOWN = {n: f"python download.py {n}" for n in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")}
KNOWN["tales"] = "git checkout models/tales"  # what to type to get these models anew
LEAST = {"--tokens": 1, "--top-k": 1}
def warn(text):
    """Print a line on stderr, if anybody can read it there."""
    try: print(text, file=sys.stderr, flush=True) if sys.stderr else None
    except OSError: sys.stderr = None
def check(good, problem, next_command="", status=1):
    """Unless `good`, end with one line that says what is wrong and what to type next."""
    if not good:
        known = [KNOWN[name] for name in KNOWN if f"models/{name}/" in problem] + [TALES]
        line = "".join([c if c.isprintable() else ascii(c)[1:-1] for c in problem])[:500]
        warn(f"easygpt2.py: {line}; type: {next_command or known[0]}")
        sys.exit(status)
def on_error(kind, error, trace):
    """End in one line after Ctrl-C, in silence if nobody reads on, else as Python always does."""
    if kind is KeyboardInterrupt: warn("\neasygpt2.py: stopped by Ctrl-C")
    elif isinstance(error, OSError) and error.filename is None:  # it comes from `print`
        sys.stdout = None  # number 32 is a pipe that nobody reads, and on Windows so is 22
        sys.exit(0 if error.errno in (22, 32) else f"easygpt2.py: cannot print ({error})")
    else: sys.__excepthook__(kind, error, trace)
def read_arguments(arguments):
    """Return the prompt, and the options as {name: value}."""
    options = {"--tokens": 8, "--model": "", "--temperature": 0, "--top-k": None, "--seed": None}
    texts = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if argument in ("-h", "--help"): sys.exit(print(USAGE, flush=True))
        elif argument == "--": texts += arguments
        elif argument == "-":
            data = sys.stdin.buffer.read().removesuffix(b"\n") if sys.stdin else b""
            texts.append(data.decode("utf-8", "surrogateescape").removesuffix("\r"))
        elif name in options:
            value = value if equals else next(arguments, "")
            try:
                options[name] = {"--model": str, "--temperature": float}.get(name, int)(value)
                good = value and (name == "--model" or LEAST.get(name, 0) <= options[name] < np.inf)
            except ValueError: good = False
            check(good, f"{name} cannot be {value!r}", HELP, 2)
        else:
            check(argument[:1] != "-", f"unknown option {argument!r}", HELP, 2)
            texts.append(argument)
    if options["--temperature"] > 0:  # float32 cannot divide by what lies beyond these
        options["--temperature"] = min(max(options["--temperature"], 1e-20), 1e38)
        options["generator"] = np.random.default_rng(options["--seed"])
    elif options["--top-k"] or options["--seed"] is not None:
        warn("easygpt2.py: --top-k and --seed have no effect without --temperature")
    check("".join(texts), "no prompt", TALES, 2)
    check(not texts[1:], "more than one prompt", f"python easygpt2.py {' '.join(texts)[:99]!r}", 2)
    try:  # bytes that the terminal's encoding does not know arrive as surrogates
        return texts[0].encode("utf-8", "surrogateescape").decode("utf-8"), options
    except UnicodeError: check(False, "the prompt is not UTF-8", TALES, 2)
def read(path, parse=str):
    """Return the text of a file, or what `parse` makes of it."""
    try: return parse(np.fromfile(path, "u1").tobytes().decode())
    except (OSError, ValueError, RecursionError) as error:
        check(False, f"cannot read {path} ({type(error).__name__}: {error})")
def check_vocabulary(vocabulary, merge_rank, tokens):
    """Refuse ids with gaps, and merges that do not belong to the vocabulary or are incomplete."""
    ids = list(vocabulary.values()) if type(vocabulary) is dict else []
    good = {*map(type, ids)} == {int} and sorted(ids) == list(range(len(ids)))
    check(good, f"{model}/vocab.json is damaged: its ids are not 0, 1, 2 and so on")
    made = {*map("".join, merge_rank), *tokens}
    lacks = made.difference(vocabulary)
    good = merge_rank and all(map(all, merge_rank)) and not lacks
    check(good, f"{model}/merges.txt is damaged, or not of this vocab.json, which lacks {lacks}")
    next_id = 1 + max(map(vocabulary.get, made))
    for token in [token for token in vocabulary if vocabulary[token] == next_id]:
        cuts = [{token[:n], token[n:]} <= vocabulary.keys() for n in range(len(token))]
        check(not any(cuts), f"{model}/merges.txt is incomplete: nothing in it makes {token!r}")
def find_model(name):
    """Return the folder of the model, unless a file in it is damaged, or of another model."""
    beside = "".join(globals().get("__file__", "").replace("\\", "/").rpartition("/")[:2])
    models = f"{beside}models/"
    here, wanted = [], [name, models + name] if name else [models + "gpt2", models + "tales"]
    for folder in wanted + [models + known for known in KNOWN]:
        try:
            open(f"{folder}/config.json", "rb").close()
            here.append(folder)
        except OSError: continue
    problem = f"there is no folder {name or models} with a config.json; the models here are: "
    check({*here} & {*wanted}, problem + ", ".join(here), KNOWN.get(name, TALES))
    folder, more = here[0], f" (OpenAI's: {KNOWN['gpt2']})"
    warn(f"Model: {folder}" + more * (not name and folder == f"{models}tales"))
    path, name = f"{folder}/config.json", "its text"
    try:
        config = {**read(path, json.loads)}
        gpt2 = {"model_type": "gpt2", "activation_function": "gelu_new", "scale_attn_weights": True,
                "scale_attn_by_inverse_layer_idx": False, "tie_word_embeddings": True}
        good = {name: config.get(name, gpt2[name]) == gpt2[name] for name in gpt2}
        for name in "n_embd n_head n_layer n_positions vocab_size layer_norm_epsilon".split():
            kind = float if name == "layer_norm_epsilon" else int
            good[name] = type(config[name]) is kind and 0 < config[name] < 1e6
        good["n_inner"] = config.get("n_inner") in (None, good["n_embd"] and 4 * config["n_embd"])
        wrong = [f"{name} {config[name]!r}" for name in good if not good[name]]
        good = not wrong and config["n_embd"] % config["n_head"] == 0
        check(good, f"{path} is not a GPT-2's: {', '.join(wrong) or 'n_embd % n_head is not 0'}")
        path, name = f"{folder}/model.safetensors", "its header"
        data = np.memmap(path, "u1", "r")  # [len(data)]
        start = position = 8 + int.from_bytes(data[:8].tobytes(), "little")
        check(start <= len(data), f"{path} has {len(data)} bytes, less than its header")
        header = {n: e for n, e in json.loads(bytes(data[8:start])).items() if n != "__metadata__"}
        tensors = {}
        for (begin, end), name in sorted([(header[name]["data_offsets"], name) for name in header]):
            dtype, shape = header[name]["dtype"], header[name]["shape"]
            good = dtype in ("F32", "F16") or name.endswith((".attn.bias", ".masked_bias"))
            check(good, f"{path}: {name} is {dtype}", f"python convert.py {folder} {folder}-f32")
            n_bytes = np.prod(shape, dtype=object) * {"F32": 4, "F16": 2}.get(dtype, 0)
            good = type(begin) is type(end) is int and start + begin == position <= start + end
            check(good and n_bytes in (0, end - begin), f"{path}: {name} is at {begin} to {end}")
            position = start + end
            tensors[name.removeprefix("transformer.")] = data[start + begin : position]
        check(position == len(data), f"{path} has {len(data)} bytes instead of {position}")
        good = np.array_equal(tensors.get("lm_head.weight"), tensors.get("wte.weight"))
        check(good or "lm_head.weight" not in tensors, f"{path}: lm_head.weight is not wte.weight")
    except (OSError, ValueError, TypeError, LookupError, RecursionError, AttributeError) as error:
        check(False, f"cannot read {path}, {name} ({type(error).__name__}: {error})")
    return folder
np.seterr(all="ignore")  # what overflows shows in the logits, and is refused there
sys.excepthook = on_error
if hasattr(sys.stdout, "reconfigure"): sys.stdout.reconfigure(errors="backslashreplace")

# %% Step 1. Read the prompt
# `prompt` is a string, the text to continue. The examples are of this run, on a tiny model:
#   python easygpt2.py "The naïve wolf couldn't" --tokens 3 --model tales
#   prompt → "The naïve wolf couldn't"
prompt, options = read_arguments(iter(sys.argv[1:]))
print(f"Input: {prompt}", flush=True)
model, n_tokens = find_model(options["--model"]), options["--tokens"]

# %% Step 2. Split the prompt into words
# `words` is a list of strings. A word is a run of letters, of numbers, of other symbols or of white
# space. A single space in front belongs to it. An ending like 't is a word of its own.
#   words → ['The', ' naïve', ' wolf', ' couldn', "'t"]
#   "They'll  go" → ['They', "'ll", ' ', ' go']
# Each word is cut into tokens by itself, so that `dog.` and `dog!` can share the token `dog`.
kinds = []
for character in prompt:
    if character.isalpha():
        kinds.append("letter")  # OpenAI splits by a regular expression: there this is \p{L}
    elif character.isnumeric():
        kinds.append("number")  # \p{N}, tested after letters: to Python, 一 is both
    elif character.isspace() and character not in "\x1c\x1d\x1e\x1f":
        kinds.append("space")  # \s there, but it does not match those four
    else:
        kinds.append("symbol")
kinds.append("end")  # which ends the last word
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
        end -= 1  # the last is left over: if it is a space, it joins the next word
    # Subtle: endings count in lower case only. DON'T gives DON, ' and T, and 'the gives 't and he.
    for ending in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
        if prompt.startswith(ending, start):
            end = start + len(ending)
    words.append(prompt[start:end])
    start = end

# %% Step 3. A printable character for every byte
# `byte_to_character` is a table of the 256 bytes. Any text can be stored as bytes, so a model that
# knows all 256 can read any text. But merges.txt puts a space between two tokens, so no token may
# contain one. So each byte gets a visible character: chr(byte) if visible, else one from 256 on.
#   byte_to_character[32], byte_to_character[127] → ('Ġ', 'ġ')
byte_to_character, n_unprintable = {}, 0
for byte in range(256):
    if 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte <= 255:
        byte_to_character[byte] = chr(byte)
    else:
        byte_to_character[byte] = chr(256 + n_unprintable)
        n_unprintable += 1

# %% Step 4. Words as printable bytes
# `printable_words` is a list of the same words, a character for each byte. Space is Ġ, ï is two.
#   printable_words → ['The', 'ĠnaÃ¯ve', 'Ġwolf', 'Ġcouldn', "'t"]
printable_words = []
for word in words:
    printable_words.append("".join([byte_to_character[byte] for byte in word.encode("utf-8")]))

# %% Step 5. The merges
# `merge_rank` is a table of pairs that may be joined. With ids for bytes only, texts would be long.
# With ids for words only, new words would have none. Byte pair encoding (BPE) lies in between: many
# texts were cut into words and these into bytes, and the most frequent pair became one piece. Then
# pairs were counted again, 50000 times for OpenAI's. A pair that was joined early has a low rank.
#   merge_rank["Ġ", "t"], merge_rank["v", "e"] → (1, 60)
merge_rank = {}
for rank, line in enumerate(read(f"{model}/merges.txt").splitlines()):
    left, _, right = line.partition(" ")
    if rank > 0 or left != "#version:":  # Subtle: eight of OpenAI's merges begin with # as well
        merge_rank[left, right] = rank

# %% Step 6. Merge by rank
# `tokens` is a list of strings. Each word starts as single characters. Of all pairs of neighbours
# the one with the lowest rank is joined wherever it stands, until no pair in the word has a rank.
# Subtle: this is not from left to right. In ' wolf', the pair `l f` has a lower rank than `Ġw o`.
#   Ġ w o l f → Ġw o l f → Ġw o lf → Ġwo lf → Ġwolf
#   tokens → ['The', 'Ġn', 'a', 'Ã', '¯', 've', 'Ġwolf', 'Ġcouldn', "'t"]
tokens = []
for printable_word in printable_words:
    pieces = list(printable_word)
    while pairs := [pair for pair in zip(pieces, pieces[1:]) if pair in merge_rank]:
        left, right = min(pairs, key=merge_rank.get)
        joined = []
        for piece in pieces:
            if piece == right and joined and joined[-1] == left:
                joined[-1] = left + right
            else:
                joined.append(piece)
        pieces = joined
    tokens += pieces

# %% Step 7. Tokens to ids
# `ids` is a list with the number of each token. It is all that the model will see of the prompt.
#   ids → [329, 294, 64, 127, 107, 315, 2094, 1588, 426]
# So 329 is 'The', and 2094 is 'Ġwolf'. OpenAI's 50257 tokens are the 256 bytes, one token for each
# of 50000 merges, and <|endoftext|>, which ended training texts. Typed in a prompt, it is cut up.
vocabulary = read(f"{model}/vocab.json", json.loads)
check_vocabulary(vocabulary, merge_rank, tokens)
ids = [vocabulary[token] for token in tokens]
n_prompt = len(ids)

# %% Step 8. The hyperparameters
# `config` holds the hyperparameters, which people chose. 124M is OpenAI's smallest GPT-2, with
# 124 million weights, and tales is a tiny one. Step 12 will show what layers and heads are.
config = read(f"{model}/config.json", json.loads)
n_vocab = config["vocab_size"]  # 124M: 50257, tales: 4096. How many tokens the model knows
n_ctx = config["n_positions"]  # 124M: 1024, tales: 256. The context: how many it reads at most
n_embd = config["n_embd"]  # 124M: 768, tales: 192. How many numbers a token's row has
n_layer = config["n_layer"]  # 124M: 12, tales: 6. How many layers add to the rows, in turn
n_head = config["n_head"]  # 124M: 12, tales: 6. How many attention heads a layer has
head_size = n_embd // n_head  # 124M: 64, tales: 32. How many numbers each head works with
epsilon = config["layer_norm_epsilon"]  # a tiny number, which keeps layer_norm from dividing by 0
check(len(vocabulary) <= n_vocab, f"{model}/vocab.json has more tokens than {n_vocab}, vocab_size")
check(n_prompt <= n_ctx, f"the prompt has {n_prompt} tokens, and only {n_ctx} fit: shorten it")
print(f"Tokens: {ids}\nLoading tensors", flush=True)

# %% Step 9. Open the tensor file
# `header` says where in the file each tensor, an array of numbers, lies. The first eight bytes are
# the length of the header, which follows as JSON. Then come the numbers, and offsets count from the
# first of them. From here on, a comment like # [rows, columns] is the shape of what its line makes.
#   header["ln_f.bias"] → {'dtype': 'F16', 'shape': [192], 'data_offsets': [7009920, 7010304]}
path = f"{model}/model.safetensors"
file_bytes = np.memmap(path, "u1", "r")  # [len(file_bytes)], read when used
data_start = 8 + struct.unpack("<Q", file_bytes[:8])[0]  # "<Q": eight bytes, lowest first
header = json.loads(bytes(file_bytes[8:data_start]))

# %% Step 10. Read the embeddings, embed the prompt
# `residual` is the residual stream: a row of n_embd numbers for each token. Layers add to it. An
# id is only a name: nothing can be calculated from it. So training gave each id a row of numbers,
# its embedding, in wte (word token embeddings). Tokens used alike mostly got rows that are alike. A
# row is also told where it stands: step 12 sums over rows, and a sum is the same in any order. So a
# row of wpe (word position embeddings), learned too, is added. wte[ids] has a row for each id.
#   residual[0, :3] → [0.287, -0.095, -0.218]
def read_tensor(name, shape):
    """Return the tensor of this name as float32."""
    entry = header.get(name) or header.get(f"transformer.{name}")  # both spellings are in use
    check(entry and entry["shape"] == shape, f"{path}: {name} is missing, or not {shape} in shape")
    begin, end = [data_start + offset for offset in entry["data_offsets"]]
    dtype = {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]  # 4 or 2 bytes a number
    tensor = np.frombuffer(file_bytes[begin:end], dtype)  # [...]
    if not tensor.flags.aligned:  # at such an address in memory, each product would copy it
        tensor = np.fromfile(path, tensor.dtype, len(tensor), offset=begin)  # [...]
    return tensor.reshape(shape).astype(np.float32, copy=False)  # [*shape]

wte = read_tensor("wte.weight", [n_vocab, n_embd])  # [n_vocab, n_embd]
wpe = read_tensor("wpe.weight", [n_ctx, n_embd])  # [n_ctx, n_embd]
residual = wte[ids] + wpe[:n_prompt]  # [n_prompt, n_embd]

# %% Step 11. Read the layers' tensors
# `layers` has a dictionary for each layer, with its six parts, which step 12 explains. Each part is
# a pair of arrays: a weight to multiply by, and a bias to add. (Many later models have no bias.)
#   layers[5]["ln_1"][0][:3] → [0.839, 0.981, 0.820]
# Subtle: matrices are [in, out]. PyTorch's nn.Linear has [out, in]. A square one fits either way.
part_shapes = {
    "ln_1": [n_embd],  # the layer norm before attention
    "attn.c_attn": [n_embd, 3 * n_embd],  # makes queries, keys and values
    "attn.c_proj": [n_embd, n_embd],  # combines what the heads have found
    "ln_2": [n_embd],  # the layer norm before the MLP
    "mlp.c_fc": [n_embd, 4 * n_embd],  # the first matrix of the MLP, "fully connected"
    "mlp.c_proj": [4 * n_embd, n_embd],  # its second matrix
}
layers = [{} for layer in range(n_layer)]
for layer, parts in enumerate(layers):
    for name, shape in part_shapes.items():
        weight = read_tensor(f"h.{layer}.{name}.weight", shape)  # [*shape]
        parts[name] = weight, read_tensor(f"h.{layer}.{name}.bias", shape[-1:])
ln_f = read_tensor("ln_f.weight", [n_embd]), read_tensor("ln_f.bias", [n_embd])  # the final norm

# %% Step 12. The transformer
# `residual` goes through all layers. At first a row knows only its own token and place. Each layer
# adds to it twice: attention brings in what earlier rows know, then the MLP works on the result. So
# a row of one token becomes a guess of the next. Step 13 compares it with each row of wte by a dot
# product: multiply number by number, and sum. The larger the sum is, the better the token fits.
def layer_norm(x, weight, bias):
    """Rows tend to grow. Bring each to mean 0 and variance 1, then scale and shift as learned."""
    mean = x.mean(axis=-1, keepdims=True)  # [..., 1]
    # Subtle: the variance divides by n, not by n - 1, and epsilon is inside the root.
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)  # [..., 1]
    return (x - mean) / np.sqrt(variance + epsilon) * weight + bias  # [..., n_embd]

def linear(x, weight, bias):
    """Make new rows: each number is the dot product of a row and a column, plus a bias."""
    return x @ weight + bias  # [n_new, out]

def softmax(x):
    """Turn scores into shares that sum to 1. Subtracting the largest only keeps exp finite."""
    exp = np.exp(x - x.max(axis=-1, keepdims=True))  # [*x.shape]
    return exp / exp.sum(axis=-1, keepdims=True)  # [*x.shape]

def gelu(x):
    """Gaussian error linear unit: keeps a large x almost, brings a very negative one near 0."""
    # Subtle: GPT-2 has this approximation. np.sqrt(2 / np.pi) makes it float64 in NumPy 2.
    return 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x)))  # [*x.shape]

# Attention fetches what a row needs from itself and from earlier rows. (By itself, "'t" cannot tell
# couldn't from didn't.) c_attn holds three matrices side by side. They turn a row into a query
# (what do I look for?), a key (what am I found by?) and a value (what do I hand over?). A row's
# query has a dot product with its own and each earlier key: the scores. Training made useful ones
# large. Softmax turns them into shares that sum to 1. The values, each times its share, are added.
# One set of shares serves one search only. So queries, keys and values are cut by columns into
# heads, and each searches by itself. A last matrix (c_proj) combines what they found.
# Round one, last head of the last layer, last row: the shares that "'t" takes from the nine tokens:
#   attention_weights[8] → [0.17, 0, 0.01, 0.21, 0.42, 0, 0.09, 0.04, 0.07]

# No row may see later ones, since in training they held the token that it had to guess. So a new
# token changes no earlier row, in any layer. The new row needs only their keys and values, which
# are kept (the KV cache). So round one works on all rows of the prompt, a later round on one row.
keys, values = np.zeros([2, n_layer, n_ctx, n_embd], np.float32)  # [n_layer, n_ctx, n_embd]
n_past = 0  # how many rows are in the cache
print(f"Generated tokens: {ids}"[:-1], end="", flush=True)  # a list that is still open
while True:  # a round for each new token. The examples are of the first
    n_new = len(residual)  # the whole prompt, later 1
    n_seen = n_past + n_new
    # The causal mask hides later rows: it adds -inf to their scores, of which softmax makes 0.
    # For a prompt of three it is [[0, -inf, -inf], [0, 0, -inf], [0, 0, 0]], for one row all 0.
    mask = np.triu(np.full([n_new, n_seen], -np.inf, np.float32), n_past + 1)  # [n_new, n_seen]
    for layer, parts in enumerate(layers):
        normed = layer_norm(residual, *parts["ln_1"])  # [n_new, n_embd]
        qkv = linear(normed, *parts["attn.c_attn"])  # [n_new, 3*n_embd]
        queries = qkv[:, :n_embd]  # [n_new, n_embd]
        keys[layer, n_past:n_seen] = qkv[:, n_embd : 2 * n_embd]  # [n_new, n_embd]
        values[layer, n_past:n_seen] = qkv[:, 2 * n_embd :]  # [n_new, n_embd]
        found = np.zeros_like(queries)  # [n_new, n_embd]
        for head in range(n_head):
            columns = slice(head * head_size, (head + 1) * head_size)
            q = queries[:, columns]  # [n_new, head_size]
            k = keys[layer, :n_seen, columns]  # [n_seen, head_size]
            v = values[layer, :n_seen, columns]  # [n_seen, head_size]
            # A score is a sum of head_size products of either sign. Such a sum grows like the root
            # of head_size. If it were not divided, softmax would give one row nearly everything.
            attention_weights = softmax(q @ k.T / head_size**0.5 + mask)  # [n_new, n_seen]
            found[:, columns] = attention_weights @ v  # [n_new, head_size]
        residual = residual + linear(found, *parts["attn.c_proj"])  # [n_new, n_embd]
        # The MLP (multi-layer perceptron) works on each row alone. One matrix makes the row four
        # times as long. Each new number scores how well the row fits some pattern. GELU makes low
        # scores nearly 0. A second matrix makes what is added. Without GELU, one matrix would do.
        normed = layer_norm(residual, *parts["ln_2"])  # [n_new, n_embd]
        bent = gelu(linear(normed, *parts["mlp.c_fc"]))  # [n_new, 4*n_embd]
        residual = residual + linear(bent, *parts["mlp.c_proj"])  # [n_new, n_embd]
    n_past = n_seen

    # Step 13. Choose the next token
    # `next_id` is the id of the next token. Only the last row has seen the whole text. It is normed
    # once more. Its dot product with a token's row of wte is the token's logit. So wte is used a
    # second time (weight tying). With a separate matrix here, 124M would have 163M weights.
    #   next_id → 303, which is 'Ġbe'
    # At temperature 0 the largest logit wins. Else a token is drawn (--top-k: among the best), and
    # softmax's shares are the chances. A temperature above 1 evens them, one below 1 sharpens them.
    last = layer_norm(residual[-1], *ln_f)  # [n_embd]
    logits = wte[: len(vocabulary)] @ last  # [len(vocabulary)], as wte may have spare rows
    check(np.isfinite(logits).all(), f"{path}: with these weights the logits are not numbers")
    if options["--temperature"] == 0:
        next_id = int(np.argmax(logits))
    else:
        best = np.argsort(-logits, kind="stable")[: options["--top-k"]]  # [n_best]
        probabilities = softmax(logits[best] / options["--temperature"])  # [n_best]
        next_id = int(options["generator"].choice(best, p=probabilities))

    # Step 14. Append it, and stop or embed it
    # `ids` is one longer: len(ids) → 10. At <|endoftext|> this program stops (OpenAI's goes on).
    # It also stops at n_ctx + 1 ids: wpe has no row for the last. Else step 12 gets the new row.
    ids.append(next_id)
    print(f", {next_id}", end="", flush=True)
    if next_id == vocabulary.get("<|endoftext|>") or len(ids) in (n_ctx + 1, n_prompt + n_tokens):
        break
    residual = wte[[next_id]] + wpe[[n_past]]  # [1, n_embd], a row for a list of one id
print("]", flush=True)
if len(ids) < n_prompt + n_tokens:
    warn("Stopped: the model ended the text, or its context is full")

# %% Step 15. The reverse vocabulary
# `id_to_token` leads from an id back to its token: id_to_token[2094] → 'Ġwolf'
id_to_token = {id: token for token, id in vocabulary.items()}

# %% Step 16. Ids to tokens
# `output_tokens` is the text in tokens: output_tokens[-3:] → ['Ġbe', 'Ġseen', '.']
output_tokens = [id_to_token[id] for id in ids]

# %% Step 17. The reverse table
# `character_to_byte` leads from a character back to its byte: character_to_byte["Ġ"] → 32
character_to_byte = {character: byte for byte, character in byte_to_character.items()}

# %% Step 18. Bytes to text
# `output` is the prompt and its continuation: output → "The naïve wolf couldn't be seen."
# Subtle: a token may end within a character, so bytes are joined first. � is a broken character.
output_bytes = bytes([character_to_byte.get(c, 32) for c in "".join(output_tokens)])  # or a space
output = output_bytes.decode("utf-8", errors="replace")
print(f"Output: {output}", flush=True)
