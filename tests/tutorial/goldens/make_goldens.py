"""Pin what transformers (on torch, float32, uncached) computes, for machines without torch.

usage: python tests/tutorial/goldens/make_goldens.py

Writes one .npz for each model of tests/shapes.py and for models/tales: the greedy ids, every
64th logit of every step, the largest |logit| of every step, and every layer's output for the
last prompt token.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import reference  # noqa: E402
import shapes  # noqa: E402

if __name__ == "__main__":
    for name in ["tales", *shapes.MODELS]:
        with tempfile.TemporaryDirectory() as place:
            model = reference.load(shapes.folder_of(name, place))
            prompt = shapes.prompt_ids()
            ids, logits = reference.greedy(model, prompt, shapes.N_TOKENS)
            layers = reference.layer_outputs(model, prompt)
        np.savez_compressed(
            shapes.GOLDENS / f"{name}.npz",
            ids=np.array(ids, np.int32),
            logits=logits[:, ::64],
            largest=np.abs(logits).max(axis=1),
            layers=np.stack([layer[-1] for layer in layers]),
        )
        print(f"{name}: {len(ids)} ids, logits up to {np.abs(logits).max():.1f}")
