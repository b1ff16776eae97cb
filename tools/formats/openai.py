"""OpenAI's layout and the original EasyGPT2's: hparams.json, encoder.json, vocab.bpe, tensors."""

from tools.formats import Model, parse_json
from tools.formats.easygpt2 import read_tensorbins
from tools.formats.tensorflow import read_checkpoint


def read_openai(folder):
    """Return the Model in a folder that has hparams.json, encoder.json and vocab.bpe."""
    hparams = parse_json((folder / "hparams.json").read_bytes(), folder / "hparams.json")
    vocabulary = (folder / "encoder.json").read_bytes()
    merges = (folder / "vocab.bpe").read_bytes()
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-05,
        "vocab_size": hparams.get("n_vocab"),
        "n_positions": hparams.get("n_ctx"),
        "n_embd": hparams.get("n_embd"),
        "n_layer": hparams.get("n_layer"),
        "n_head": hparams.get("n_head"),
    }
    if any(folder.glob("*.tensorbin")):
        tensors = read_tensorbins(folder)
    else:
        tensors = read_checkpoint(folder)
    return Model(config, vocabulary, merges, tensors)
