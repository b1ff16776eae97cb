"""Continue a prompt greedily with another program, printing as easygpt2.py does.

usage: python benchmarks/peers.py PROGRAM KIND FOLDER PROMPT TOKENS [CHECKOUT]

Each function is what a user of that library would write to stream ids in as little time as he can:
it imports what it needs and no more, and lets the library use all processors.
"""

import os
import sys


def started(ids):
    print(f"Generated tokens: {ids}"[:-1], end="", flush=True)


def made(id):
    print(f", {id}", end="", flush=True)


def transformers(kind, folder, prompt, n_tokens):
    import torch
    from transformers import GPT2LMHeadModel, GPT2TokenizerFast
    from transformers.generation.streamers import BaseStreamer

    class Stream(BaseStreamer):
        def put(self, ids):
            if ids.ndim == 1:  # the first call hands over the prompt, a batch of one
                made(int(ids[0]))

        def end(self):
            pass

    ids = GPT2TokenizerFast.from_pretrained(folder)(prompt).input_ids
    print(f"Tokens: {ids}", flush=True)
    model = GPT2LMHeadModel.from_pretrained(folder)
    started(ids)
    model.generate(torch.tensor([ids]), max_new_tokens=n_tokens, do_sample=False, streamer=Stream())


def ctranslate2(kind, folder, prompt, n_tokens):
    import ctranslate2
    from tokenizers import ByteLevelBPETokenizer

    files = [f"{folder}/{name}" for name in ("vocab.json", "merges.txt")]
    encoded = ByteLevelBPETokenizer(*files).encode(prompt)
    print(f"Tokens: {encoded.ids}", flush=True)
    generator = ctranslate2.Generator(
        f"{folder}-ctranslate2-{kind}", compute_type=kind, intra_threads=os.cpu_count()
    )
    started(encoded.ids)
    for step in generator.generate_tokens(encoded.tokens, max_length=n_tokens):
        made(step.token_id)


def llama_cpp(kind, folder, prompt, n_tokens):
    import llama_cpp

    exact = {"type_k": 0, "type_v": 0} if kind == "F32" else {}  # the cache, too; else it is F16
    model = llama_cpp.Llama(
        f"{folder}-llama.cpp-{kind}/model.gguf",
        n_ctx=1024,
        n_threads=os.cpu_count(),
        n_threads_batch=os.cpu_count(),
        verbose=False,
        **exact,
    )
    ids = model.tokenize(prompt.encode(), add_bos=False)
    print(f"Tokens: {ids}", flush=True)
    started(ids)
    for _, id in zip(range(n_tokens), model.generate(ids, top_k=1, temp=0)):
        made(id)


def picogpt(kind, folder, prompt, n_tokens, checkout):
    """Run picoGPT's own generate(); its loader, which needs TensorFlow, is left out."""
    sys.path.insert(0, checkout)
    import gpt2
    from encoder import get_encoder
    from safetensors.numpy import load_file

    class Printed(list):
        def append(self, id):
            super().append(id)
            made(id)

    encoder = get_encoder(os.path.basename(folder) + "-openai", os.path.dirname(folder))
    ids = encoder.encode(prompt)
    print(f"Tokens: {ids}", flush=True)
    tensors = load_file(f"{folder}/model.safetensors")

    def part(name, weight="w", bias="b"):
        return {weight: tensors[f"{name}.weight"], bias: tensors[f"{name}.bias"]}

    n_layer = sum(name.endswith("attn.c_attn.bias") for name in tensors)
    blocks = [
        {
            "ln_1": part(f"h.{i}.ln_1", "g"),
            "ln_2": part(f"h.{i}.ln_2", "g"),
            "attn": {name: part(f"h.{i}.attn.{name}") for name in ("c_attn", "c_proj")},
            "mlp": {name: part(f"h.{i}.mlp.{name}") for name in ("c_fc", "c_proj")},
        }
        for i in range(n_layer)
    ]
    parameters = {"wte": tensors["wte.weight"], "wpe": tensors["wpe.weight"], "blocks": blocks}
    parameters["ln_f"] = part("ln_f", "g")
    n_head = tensors["wte.weight"].shape[1] // 64
    started(ids)
    gpt2.generate(Printed(ids), parameters, n_head, n_tokens)


if __name__ == "__main__":
    program, kind, folder, prompt, n_tokens, *checkout = sys.argv[1:]
    globals()[program](kind, folder, prompt, int(n_tokens), *checkout)
    print("]")
