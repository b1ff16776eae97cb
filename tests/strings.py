"""Random strings that are hard on a tokenizer, of code points that this Python's Unicode knows."""

import random
import sys
import unicodedata

WHITESPACE = "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2003\u2009"
WHITESPACE += "\u2028\u2029\u202f\u205f\u3000\u200b\ufeff"
CONTRACTIONS = "'s 't 're 've 'm 'll 'd 'S 'T 'RE 'Ve 'LL ’s '' '".split()
EMOJI = ["😀", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "❤️", "🏳️‍🌈", "☃", "1️⃣"]
CODE = [
    "def f(x):\n    return x",
    "a[i]+=1;",
    "</div>",
    '{"k": [1, 2]}',
    "x != y",
    "://",
    "#!/bin/sh\n",
    "\\n",
    "<|endoftext|>",
]
WORDS = ["x" * 50, *"Once upon a time don't I'LL naïve straße ﬁn Ǆ ⅷ ½ ² 一二三 १२३ ٣٤".split()]


def known_code_points():
    """Return all code points but surrogates and those not assigned in this Python's Unicode."""
    points = map(chr, range(sys.maxunicode + 1))
    return [point for point in points if unicodedata.category(point) not in ("Cn", "Cs")]


def fuzzed(n, seed=0):
    """Yield n random strings of up to some 60 characters, the same ones for the same seed."""
    choose = random.Random(seed)
    anything = known_code_points()
    low = [point for point in anything if ord(point) < 0x3000]
    numbers = [point for point in anything if point.isnumeric()]
    controls = [chr(code) for code in [*range(32), *range(127, 160)]]
    sources = [
        anything,
        low,
        low,
        numbers,
        controls,
        list(WHITESPACE),
        list(" \n"),
        CONTRACTIONS,
        EMOJI,
        CODE,
        WORDS,
    ]
    sources += [[chr(code) for code in range(32, 127)]] * 3
    for _ in range(n):
        parts = choose.choices(sources, k=choose.randint(1, 4))
        yield "".join(choose.choice(choose.choice(parts)) for _ in range(choose.randint(0, 20)))
