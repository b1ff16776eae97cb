# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy>=1.26", "tokenizers", "torch>=2.9", "transformers>=4.56"]
# ///
"""Measure a GPT-2 on the texts of a corpus that were held out of its training.

Which ones is a rule, the same as long as the corpus is the same: the first fiftieth of all texts,
after a shuffle that is always the same. They are joined, `<|endoftext|>` before each, and cut into
windows as long as the model's context; within a window each token is predicted from those before
it. The loss is the mean of -log p(token), in nats; perplexity is e to the loss. Vocabularies
differ, so models are compared by bits per character: the sum of the losses, in bits, over the
number of characters, the end of a text being one.
"""

import json
import math
import sys
from pathlib import Path

try:
    import numpy as np
    import torch
    import transformers
    from tokenizers import ByteLevelBPETokenizer
except ImportError as error:
    install = "python -m pip install --upgrade pip && python -m pip install --group train"
    sys.exit(f"training: cannot import {error.name}; type: {install}")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools import command  # noqa: E402
from tools.command import Refused, check  # noqa: E402
from tools.model_folder import understand  # noqa: E402

USAGE = """usage: python training/evaluate.py CORPUS models/NAME
  CORPUS       a text file, or a folder of *.txt; in a file <|endoftext|> parts the texts
  models/NAME  the model to measure"""
END_OF_TEXT = "<|endoftext|>"
transformers.utils.logging.disable_progress_bar()


def read_texts(corpus):
    """Return (held out, training): the texts of a file or folder, as lists of strings.

    Raises Refused where they are not UTF-8 or fewer than fifty, OSError where a file
    cannot be read.
    """
    corpus = Path(corpus)
    texts = []
    for path in sorted(corpus.glob("*.txt")) if corpus.is_dir() else [corpus]:
        try:
            parts = path.read_text("utf-8-sig").split(END_OF_TEXT)
        except UnicodeDecodeError as error:
            raise Refused(f"{path} is not UTF-8: {error}") from None
        texts += [part.strip("\n") for part in parts if part.strip()]
    problem = f"{corpus} has {len(texts)} of at least 50 texts; {END_OF_TEXT} parts them"
    check(len(texts) >= 50, problem)
    np.random.default_rng(0).shuffle(texts)
    n_held_out = len(texts) // 50
    return texts[:n_held_out], texts[n_held_out:]


def read_tokenizer(folder):
    """Return (tokenizer, the id of END_OF_TEXT) of a folder; raise Refused if it has none."""
    vocabulary, merges = Path(folder) / "vocab.json", Path(folder) / "merges.txt"
    end_of_text = json.loads(vocabulary.read_text("utf-8")).get(END_OF_TEXT)
    check(end_of_text is not None, f"{vocabulary} has no {END_OF_TEXT}")
    return ByteLevelBPETokenizer(str(vocabulary), str(merges)), end_of_text


def encode(texts, tokenizer, end_of_text):
    """Return the ids of all texts in one row, `end_of_text` before each: int64, [n_tokens]."""
    ids = []
    for encoding in tokenizer.encode_batch(texts):
        ids += [end_of_text, *encoding.ids]
    return np.array(ids, np.int64)


@torch.no_grad()
def total_loss(model, ids, n_ctx):
    """Return the sum of -log p(id), in nats, over all ids but the first, in windows of n_ctx.

    ids: int64, [n_tokens].
    """
    device = next(model.parameters()).device
    total = 0.0
    for start in range(0, len(ids) - 1, n_ctx):
        window = torch.from_numpy(ids[start : start + n_ctx + 1]).to(device)
        logits = model(window[None, :-1]).logits[0].float()  # [n, n_vocab]
        total += torch.nn.functional.cross_entropy(logits, window[1:], reduction="sum").item()
    return total


def evaluate(texts, folder):
    """Return what a model card says of the model in `folder`, as it is stored, on these texts.

    Raises Refused where the folder is no GPT-2, OSError where a file cannot be read.
    """
    understand(Path(folder))  # transformers would make up what is missing
    tokenizer, end_of_text = read_tokenizer(folder)
    model = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32)
    ids = encode(texts, tokenizer, end_of_text)
    total = total_loss(model, ids, model.config.n_positions)
    loss = total / (len(ids) - 1)
    n_characters = sum(len(text) + 1 for text in texts)
    return (
        f"{loss:.3f} nats a token, perplexity {math.exp(loss):.1f}, "
        f"{total / math.log(2) / n_characters:.3f} bits a character "
        f"({len(texts)} texts, {len(ids) - 1:,} tokens, {n_characters:,} characters)"
    )


def main(arguments):
    """Run the command."""
    check(len(arguments) == 2, "needs a CORPUS and a models/NAME", status=2)
    held_out, _ = read_texts(arguments[0])
    print(evaluate(held_out, arguments[1]))


if __name__ == "__main__":
    command.run("training/evaluate.py", USAGE, main)
