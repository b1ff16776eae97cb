"""Steps 1 to 7 and 15 to 18: text to ids and back, against regex, tiktoken and tokenizers."""

import json
import time
from pathlib import Path

import pytest
import regex
import tiktoken
import tokenizers

import harness
import strings

# OpenAI's pattern, https://github.com/openai/gpt-2/blob/master/src/encoder.py
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TEN_SCRIPTS = (Path(__file__).parent / "data" / "ten_scripts.txt").read_text("utf-8")
SPLIT = harness.piece(2)
TO_TOKENS = [harness.piece(4), harness.piece(6)]
TO_IDS = harness.piece(7, "ids = ")
TO_TEXT = [harness.piece(16), harness.piece(18)]


class Tokenizer:
    """The program's own steps, run on one string after another with the tables of one run."""

    def __init__(self, folder):
        self.variables = harness.run("a", "--tokens", "1", "--model", str(folder)).variables
        self.variables["print"] = lambda *text, **how: None

    def words(self, text):
        self.variables["prompt"] = text
        exec(SPLIT, self.variables)
        return self.variables["words"]

    def ids(self, text):
        self.words(text)
        for code in (*TO_TOKENS, TO_IDS):
            exec(code, self.variables)
        return self.variables["ids"]

    def text(self, ids):
        self.variables["ids"] = ids
        for code in TO_TEXT:
            exec(code, self.variables)
        return self.variables["output"]


def peers(folder):
    """Return tiktoken's and tokenizers' encoders for the vocabulary in a folder."""
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    bytes_of = {char: byte for byte, char in bytes_to_unicode().items()}
    ranks = {
        bytes(bytes_of[char] for char in token): id
        for token, id in vocabulary.items()
        if token != "<|endoftext|>"
    }
    encoding = tiktoken.Encoding("test", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    tokenizer = tokenizers.ByteLevelBPETokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt")
    )
    return encoding, tokenizer


def bytes_to_unicode():
    """The byte alphabet as tokenizers has it, asked byte by byte: it covers all 256."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    printable = [char for char in alphabet if ord(char) < 256]
    shifted = sorted(set(alphabet) - set(printable))
    others = [byte for byte in range(256) if chr(byte) not in printable]
    return {ord(char): char for char in printable} | dict(zip(others, shifted))


@pytest.fixture(scope="module", params=["tales", "openai"])
def folder(request):
    return harness.TALES if request.param == "tales" else request.getfixturevalue("openai_model")


def test_byte_table_is_the_one_of_tokenizers():
    assert Tokenizer(harness.TALES).variables["byte_to_character"] == bytes_to_unicode()


def test_every_code_point_is_of_the_kind_that_regex_says():
    """Letters, numbers and spaces are those of regex, for all code points that Python knows."""
    letter, number, space = (regex.compile(kind) for kind in (r"\p{L}", r"\p{N}", r"\s"))
    points = strings.known_code_points()
    variables = {"prompt": "".join(points)}
    exec(SPLIT, variables)
    for point, kind in zip(points, variables["kinds"]):
        expected = (
            "letter" if letter.match(point) else "number" if number.match(point) else "symbol"
        )
        assert kind == ("space" if space.match(point) else expected), ascii(point)


def test_words_are_those_of_regex(n_strings):
    pattern = regex.compile(PATTERN)
    tokenizer = Tokenizer(harness.TALES)
    for text in [TEN_SCRIPTS, *strings.fuzzed(n_strings, seed=1)]:
        assert tokenizer.words(text) == pattern.findall(text), ascii(text)


def test_words_are_as_the_comments_say():
    words = Tokenizer(harness.TALES).words
    assert words("don't") == ["don", "'t"] and words("DON'T") == ["DON", "'", "T"]
    assert words("a ") == ["a", " "] and words("a  b") == ["a", " ", " b"]
    assert words("They'll  go") == ["They", "'ll", " ", " go"] and words("'the") == ["'t", "he"]


def test_ids_are_those_of_tiktoken_and_tokenizers(folder, n_strings):
    ours = Tokenizer(folder)
    encoding, tokenizer = peers(folder)
    for text in [TEN_SCRIPTS, *TEN_SCRIPTS.splitlines(), *strings.fuzzed(n_strings, seed=2)]:
        ids = ours.ids(text)
        assert ids == encoding.encode_ordinary(text), ascii(text)
        assert ids == tokenizer.encode(text).ids, ascii(text)
        assert ours.text(ids) == text, ascii(text)


def test_half_a_character_shows_as_replacement():
    ours = Tokenizer(harness.TALES)
    ids = ours.ids("☃")
    assert len(ids) > 1
    assert ours.text(ids[:1]) == "\ufffd"


def test_openai_vocabulary_is_as_large_as_the_comments_say(openai_vocabulary):
    """The merges that training counted: one token each, beside the bytes and the end of a text."""
    vocabulary = json.loads((openai_vocabulary / "vocab.json").read_text("utf-8"))
    lines = (openai_vocabulary / "merges.txt").read_text("utf-8").splitlines()
    assert len(lines) - 1 == 50000 == len(vocabulary) - 257
    assert lines[0].startswith("#version")
    assert sum(line.startswith("#") for line in lines[1:]) == 8
    assert "50000 times for OpenAI's" in harness.SOURCE
    assert "eight of OpenAI's merges begin with #" in harness.SOURCE


def test_end_of_text_in_a_prompt_is_seven_plain_tokens(openai_model):
    assert len(Tokenizer(openai_model).ids("<|endoftext|>")) == 7


def test_headline_prompts_have_the_ids_of_the_real_model(openai_figures, openai_model):
    ours = Tokenizer(openai_model)
    for case in openai_figures["runs"]:
        assert ours.ids(case["prompt"]) == case["ids"]
    for case in openai_figures["greedy"]:
        if "ids" in case and "new_tokens" not in case:
            assert ours.text(case["ids"]) == case["text"]


@pytest.mark.parametrize("letters", ["a", "abcdefghij", "один", "語"])
def test_a_word_of_10000_letters_ends(letters):
    """The issue's bound is five seconds; nothing here is timed tightly."""
    start = time.monotonic()
    run = harness.run((letters * 10000)[:10000], "--model", str(harness.TALES))
    assert run.status == 1 and "tokens" in run.stderr
    assert time.monotonic() - start < 60
