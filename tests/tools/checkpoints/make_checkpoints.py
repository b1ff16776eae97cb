"""Let TensorFlow write two small GPT-2 checkpoints in the layout of OpenAI's release.

usage: python tests/tools/checkpoints/make_checkpoints.py [FOLDER]    (needs: tensorflow-cpu)

`small` is a GPT-2 that runs; `blocks` has so many variables that its index takes several blocks.
OpenAI's folders have a model.ckpt.meta too, the graph, which nobody needs to read the weights.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
HPARAMS = {
    "small": {"n_vocab": 260, "n_ctx": 32, "n_embd": 16, "n_head": 4, "n_layer": 3},
    "blocks": {"n_vocab": 260, "n_ctx": 8, "n_embd": 2, "n_head": 1, "n_layer": 1000},
}


def variables(hparams):
    """Return {name: float32 array} with the names and shapes of OpenAI's graph."""
    n_embd = hparams["n_embd"]
    shapes = {"model/wpe": [hparams["n_ctx"], n_embd], "model/wte": [hparams["n_vocab"], n_embd]}
    for layer in range(hparams["n_layer"]):
        for part, n_in, n_out in [
            ("attn/c_attn", n_embd, 3 * n_embd),
            ("attn/c_proj", n_embd, n_embd),
            ("mlp/c_fc", n_embd, 4 * n_embd),
            ("mlp/c_proj", 4 * n_embd, n_embd),
        ]:
            shapes[f"model/h{layer}/{part}/w"] = [1, n_in, n_out]
            shapes[f"model/h{layer}/{part}/b"] = [n_out]
        for part in ("ln_1", "ln_2"):
            shapes[f"model/h{layer}/{part}/g"] = [n_embd]
            shapes[f"model/h{layer}/{part}/b"] = [n_embd]
    shapes |= {"model/ln_f/g": [n_embd], "model/ln_f/b": [n_embd]}
    random = np.random.RandomState(0)  # its stream is frozen: the same values everywhere
    return {name: random.standard_normal(shape).astype("f4") for name, shape in shapes.items()}


def write_vocabulary(folder, n_vocab):
    """Write an encoder.json and a vocab.bpe of all bytes, three merges and <|endoftext|>."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    tokens = [chr(byte) for byte in shown] + [chr(256 + n) for n in range(256 - len(shown))]
    tokens += ["Ġt", "he", "Ġthe", "<|endoftext|>"]
    assert len(tokens) == n_vocab
    encoder = {token: id for id, token in enumerate(tokens)}
    (folder / "encoder.json").write_text(json.dumps(encoder), "utf-8")
    (folder / "vocab.bpe").write_text("#version: 0.2\nĠ t\nh e\nĠt he\n", "utf-8", newline="\n")


def save(prefix, values, slices):
    """Let TensorFlow write {name: array} as a checkpoint; `slices` are {name: part of a whole}."""
    import tensorflow

    tensorflow.raw_ops.SaveV2(  # the operation that tf.train.Saver runs
        prefix=str(prefix),
        tensor_names=list(values),
        shape_and_slices=[slices.get(name, "") for name in values],
        tensors=list(values.values()),
    )


def main(target):
    for name, hparams in HPARAMS.items():
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hparams.json").write_text(json.dumps(hparams), "utf-8")
        write_vocabulary(folder, hparams["n_vocab"])
        save(folder / "model.ckpt", variables(hparams), {})
        paths = 'model_checkpoint_path: "model.ckpt"\nall_model_checkpoint_paths: "model.ckpt"\n'
        (folder / "checkpoint").write_text(paths, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
