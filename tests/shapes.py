"""The models that test_numbers.py and make_goldens.py run, and how to run and watch one."""

import ast
from pathlib import Path

import numpy as np

import harness
import random_model
from random_model import config_of

PROMPT = "Once upon a time, the king didn't know"
MODELS = {
    "one_head": dict(config=config_of(2, 1, 24, 256, 4096), std=0.3),
    "head_size_64": dict(config=config_of(2, 3, 192, 256, 4096), dtype="F16", odd=True, std=0.1),
    "three_layers": dict(
        config=config_of(3, 4, 48, 256, 4096),
        dtype="BF16",
        prefix="transformer.",
        buffers=True,
        std=0.2,
    ),
    "full_context": dict(
        config=config_of(2, 2, 32, 40, 4096), prefix="transformer.", odd=True, buffers=True, std=0.3
    ),
}
N_TOKENS = 200
GOLDENS = Path(__file__).parent / "tutorial" / "goldens"


def folder_of(name, place):
    """Write the model of this name below `place` (tales is there already); return its folder.

    A BF16 model is converted to float32, as easygpt2.py says: the numbers are the same.
    """
    if name == "tales":
        return harness.TALES
    folder = random_model.write_model(Path(place) / name, **MODELS[name])
    if MODELS[name].get("dtype") == "BF16":
        bfloat16, folder = folder, folder.with_name(f"{name}-f32")
        done = harness.command(str(bfloat16), str(folder), program=harness.ROOT / "convert.py")
        assert done.returncode == 0, done.stderr
    return folder


def watch(folder, prompt=PROMPT, n_tokens=N_TOKENS, source=harness.SOURCE):
    """Run the program and return (ids, logits of every step, each layer's output rows by pass).

    logits: list of [n_vocab]; layers: list over passes of lists over layers of [n_new, n_embd].
    """
    made = {}  # which name a line makes
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign):
            made[node.lineno] = ast.unparse(node.targets[0])
    last = harness.layer_loop(source).body[-1].lineno
    assert made[last] == "residual"
    logits, layers = [], []

    def after(statement, frame, returned):
        name = made.get(statement.lineno)
        if name == "mask":
            layers.append([])
        elif statement.lineno == last:
            layers[-1].append(frame.f_globals["residual"])
        elif name == "logits":
            logits.append(frame.f_globals["logits"])

    run = harness.run(
        prompt, "--tokens", str(n_tokens), "--model", str(folder), source=source, after=after
    )
    assert run.status == 0, run.stderr
    return run.variables["ids"], logits, layers


def assert_close(ours, theirs, what):
    """Logits and layers must agree within 1e-4 of the largest magnitude."""
    worst = np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max()
    bound = 1e-4 * np.abs(theirs).max()
    assert worst <= bound, f"{what}: off by {worst:.3g}, allowed are {bound:.3g}"


def tokenizer_of(folder):
    """Return a model folder's tokenizer as the tokenizers library reads it."""
    import tokenizers

    files = [str(folder / name) for name in ("vocab.json", "merges.txt")]
    return tokenizers.ByteLevelBPETokenizer(*files)


def prompt_ids(prompt=PROMPT):
    """Return the prompt's ids as the tokenizers library finds them, in tales' vocabulary."""
    return tokenizer_of(harness.TALES).encode(prompt).ids
