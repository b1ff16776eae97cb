"""GPT-2 as transformers computes it on torch, in float32 and without a cache."""

import numpy as np
import torch
import transformers


def load(folder):
    """Let transformers read a model folder by itself."""
    model = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32)
    return model.eval()


@torch.no_grad()
def all_logits(model, ids):
    """Return the logits behind every one of these ids: float32 [len(ids), n_vocab]."""
    return model(torch.tensor([ids]), use_cache=False).logits[0].numpy()


def greedy(model, prompt, n_tokens):
    """Return (prompt and greedy ids, float32 logits [new ids, n_vocab]), to the context's end."""
    n_tokens = min(n_tokens, model.config.n_positions - len(prompt) + 1)
    ids, logits = list(prompt), []
    for _ in range(n_tokens):
        logits.append(all_logits(model, ids)[-1])
        ids.append(int(np.argmax(logits[-1])))
    return ids, np.stack(logits)


@torch.no_grad()
def layer_outputs(model, ids):
    """Return what each layer puts out for these ids: a list of float32 [len(ids), n_embd]."""
    outputs = []

    def keep(module, inputs, output):
        tensor = output[0] if isinstance(output, tuple) else output
        outputs.append(tensor.reshape(len(ids), -1).numpy())

    hooks = [block.register_forward_hook(keep) for block in model.transformer.h]
    model(torch.tensor([ids]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return outputs


@torch.no_grad()
def attention_weights(folder, ids):
    """Return the softmax weights of each layer: a list of float32 [n_head, len(ids), len(ids)]."""
    load = transformers.GPT2LMHeadModel.from_pretrained
    model = load(folder, dtype=torch.float32, attn_implementation="eager").eval()
    output = model(torch.tensor([ids]), use_cache=False, output_attentions=True)
    return [weights[0].numpy() for weights in output.attentions]


def probabilities(model, ids, temperature, top_k):
    """Return the next token's probabilities behind these ids: float64 [n_vocab]."""
    scores = torch.tensor(all_logits(model, ids)[-1:])
    scores = transformers.TemperatureLogitsWarper(temperature)(None, scores)
    if top_k:
        scores = transformers.TopKLogitsWarper(top_k)(None, scores)
    return torch.softmax(scores[0].double(), 0).numpy()
