"""OpenAI's names for GPT-2's tensors, as https://github.com/openai/gpt-2 has them."""

import re

NUMBER = r"(0|[1-9]\d{0,5})"
OPENAI_NAME = re.compile(  # layer3_attn_c_attn_w, or of one head layer3_attn_c_attn_w_q_h0
    rf"(?:layer{NUMBER}_)?(?:(wte|wpe)|(ln_[12f])_([gb])|(attn|mlp)_(c_\w+?)_([wb]))"
    rf"(?:_([qkv])_h{NUMBER})?"
)


def openai_name(name):
    """Return (Hugging Face's name, None or (which of q, k, v; head)) of OpenAI's; None if unknown.

    OpenAI's is spelled as the original EasyGPT2 spells it.
    """
    found = OPENAI_NAME.fullmatch(name)
    if not found:
        return None
    layer, embedding, norm, norm_kind, block, matrix, matrix_kind, which, head = found.groups()
    part = embedding or norm or f"{block}.{matrix}"
    suffix = "bias" if (norm_kind or matrix_kind) == "b" else "weight"
    prefix = f"h.{layer}." if layer else ""
    return f"{prefix}{part}.{suffix}", ("qkv".index(which), int(head)) if which else None


def squeezed(shape):
    """Return a shape without the ones before it: OpenAI's matrices are [1, in, out]."""
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape
