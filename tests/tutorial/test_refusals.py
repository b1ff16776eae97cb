"""Bad input: one line on stderr that names the thing and says what to type; no traceback."""

import json
import shutil
import struct

import numpy as np
import pytest

import harness

NEXT = r"; type: python easygpt2.py "


def refused(run, status, *words):
    """The run ended with this status and one line of complaint that has all these words."""
    lines = [line for line in run.stderr.splitlines() if not line.startswith("Model: ")]
    assert run.status == status, run.stderr
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("easygpt2.py: ") and NEXT in lines[0], lines[0]
    for word in words:
        assert word in lines[0], lines[0]


TALES = ["--model", str(harness.TALES)]


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "no prompt"),
        ([""], "no prompt"),
        (["--tokens", "5"], "no prompt"),
        (["--"], "no prompt"),
        (["Alan", "Turing"], "'Alan Turing'"),
        (["--", "Alan", "--tokens"], "'Alan --tokens'"),
        (["x", "--token", "5"], "--token"),
        (["-x"], "-x"),
        (["x", "--tokens=5"], "--tokens=5"),
        (["x", "--tokens"], "--tokens needs a value"),
        (["x", "--model"], "--model needs a value"),
        (["--tokens", "--seed", "x"], "--tokens needs a value"),
        (["x", "--tokens", "five"], "--tokens"),
        (["x", "--tokens", "0"], "--tokens"),
        (["x", "--tokens", "-1"], "--tokens"),
        (["x", "--tokens", "1.5"], "--tokens"),
        (["x", "--tokens", ""], "--tokens"),
        (["x", "--tokens", "9" * 5000], "--tokens"),
        (["x", "--temperature", "-0.1"], "--temperature"),
        (["x", "--temperature", "nan"], "--temperature"),
        (["x", "--temperature", "inf"], "--temperature"),
        (["x", "--temperature", "1e999"], "--temperature"),
        (["x", "--temperature", "warm"], "--temperature"),
        (["x", "--top-k", "0"], "--top-k"),
        (["x", "--top-k", "2.0"], "--top-k"),
        (["x", "--seed", "-1"], "--seed"),
        (["x", "--seed", "now"], "--seed"),
        (["a prompt with \udcff in it"], "UTF-8"),
        (["half a pair \ud83d"], "UTF-8"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_arguments(arguments, word):
    refused(harness.run(*TALES, *arguments), 2, word)


def test_newlines_in_arguments_stay_in_the_one_line():
    refused(harness.run("two\nlines", "more\nlines"), 2, r"two\nlines more\nlines")
    refused(harness.run("x", "--tokens", "4\n2 "), 2, "--tokens")
    refused(harness.run("x", "-\n-"), 2, "unknown option")


def test_newlines_in_files_stay_in_the_one_line(model, edit_config):
    edit_config(n_embd="a\nb")
    refused(harness.run("x", "--model", str(model)), 1, "n_embd")
    edit_config(n_embd=8, activation_function="relu\r\n\u2028")
    refused(harness.run("x", "--model", str(model)), 1, "activation_function")


def test_no_traceback_as_a_command():
    done = harness.command("x", "--model", "no such folder")
    assert (
        done.returncode == 1 and "Traceback" not in done.stderr and done.stdout.startswith("Input")
    )
    assert harness.command().returncode == 2


def test_prompt_longer_than_the_context(model):
    """32 tokens fit, and give one new token; 33 do not."""
    exact = harness.run(" king" * 32, "--model", str(model))
    assert exact.status == 0 and len(exact.variables["ids"]) == 33
    refused(harness.run(" king" * 33, "--model", str(model)), 1, "33", "32")


@pytest.mark.parametrize("name", ["merges.txt", "vocab.json", "config.json", "model.safetensors"])
def test_missing_file(model, name):
    (model / name).unlink()
    refused(harness.run("x", "--model", str(model)), 1, name)
    (model / name).mkdir()
    refused(harness.run("x", "--model", str(model)), 1, name)


def test_missing_folder(tmp_path):
    refused(harness.run("x", "--model", str(tmp_path / "nowhere")), 1, "nowhere")


JSON_VALUES = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**7,
    10**4299,
    float("nan"),
    float("inf"),
    "12",
    "",
    [],
    [12],
    {},
    {"a": 1},
]
REQUIRED = ["n_positions", "n_embd", "n_layer", "n_head", "vocab_size", "layer_norm_epsilon"]


@pytest.mark.parametrize("field", REQUIRED)
def test_config_field(model, edit_config, field):
    original = json.loads((model / "config.json").read_text("utf-8"))[field]
    for value in [..., *JSON_VALUES]:
        if field == "layer_norm_epsilon" and value == 1.5:
            continue
        edit_config(**{field: value})
        refused(harness.run("x", "--model", str(model)), 1, "config.json", field)
    edit_config(**{field: original})
    assert harness.run("x", "--model", str(model)).status == 0


@pytest.mark.parametrize(
    "field, good, bad",
    [
        ("model_type", ["gpt2", ...], ["gptj", "gpt_neo", "llama", "", 2]),
        ("activation_function", ["gelu_new", ...], ["gelu", "relu", "gelu_fast", False, None]),
        ("n_inner", [None, 32, ...], [31, 64, "32", 0]),
        ("scale_attn_weights", [True, ...], [False, None, "yes"]),
        ("scale_attn_by_inverse_layer_idx", [False, ...], [True, None, 2]),
        ("tie_word_embeddings", [True, ...], [False, None, 0]),
    ],
)
def test_config_setting(model, edit_config, field, good, bad):
    for value in bad:
        edit_config(**{field: value})
        refused(harness.run("x", "--model", str(model)), 1, "config.json", field)
    for value in good:
        edit_config(**{field: value})
        assert harness.run("x", "--model", str(model)).status == 0


def test_config_heads_must_divide_n_embd(model, edit_config):
    edit_config(n_head=3)
    refused(harness.run("x", "--model", str(model)), 1, "config.json", "n_embd", "n_head")


def test_n_ctx_and_unknown_fields_are_not_needed(model, edit_config):
    edit_config(n_ctx="ignored", something_new=[1])
    assert harness.run("x", "--model", str(model)).status == 0


def test_vocabulary_larger_than_the_configs(model, edit_config):
    edit_config(vocab_size=4095)
    refused(harness.run("x", "--model", str(model)), 1, "vocab.json", "4095")


BAD_TEXT = [
    b"",
    b"{",
    b"[]",
    b"12",
    b"[[1, 0]]",
    b'[["a", 0]]',
    b'"x"',
    b"null",
    b"\xff\xfe{}",
    b"{}\x00",
    b"\xef\xbb\xbf{}",
]


@pytest.mark.parametrize("name", ["vocab.json", "config.json"])
@pytest.mark.parametrize("content", [*BAD_TEXT, b"{}", b"[" * 100_000], ids=lambda b: repr(b[:9]))
def test_json_files(model, name, content):
    (model / name).write_bytes(content)
    refused(harness.run("x", "--model", str(model)), 1, name)


@pytest.mark.parametrize(
    "change",
    [
        lambda vocabulary: vocabulary | {"!": 1},
        lambda vocabulary: vocabulary | {"!": -1},
        lambda vocabulary: vocabulary | {"!": 4096},
        lambda vocabulary: vocabulary | {"!": "0"},
        lambda vocabulary: vocabulary | {"!": 0.0},
        lambda vocabulary: vocabulary | {"!": None},
        lambda vocabulary: vocabulary | {"!": [0]},
        lambda vocabulary: vocabulary | {"a b": 4096},
        lambda vocabulary: {token: id for token, id in vocabulary.items() if id},
        lambda vocabulary: {
            "ĠOnce" if token == "Once" else token: id for token, id in vocabulary.items()
        },
    ],
)
def test_vocabulary(model, edit_config, change):
    edit_config(vocab_size=4097)
    path = model / "vocab.json"
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    refused(harness.run("Once !", "--model", str(model)), 1, "vocab.json")


def test_vocabulary_without_a_byte_of_the_prompt(model):
    """A byte that no merge knows may be missing, as long as no prompt needs it."""
    path = model / "vocab.json"
    path.write_text(path.read_text("utf-8").replace('"\\u0100"', '"\\u0100\\u0100"'), "utf-8")
    assert harness.run("Once", "--model", str(model)).status == 0
    refused(harness.run("\0", "--model", str(model)), 1, "vocab.json", "'Ā'")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "#version: 0.2\n",
        "a b c\n",
        "hello world\n",
        "#version: 0.2\nĠ t\n\nh e\n",
        "Ġ\n",
        "Ġ t\n#version: 0.2 x\n",
        "\udcff t",
    ],
)
def test_merges(model, content):
    (model / "merges.txt").write_bytes(content.encode("utf-8", "surrogateescape"))
    refused(harness.run("x", "--model", str(model)), 1, "merges.txt")


def test_merges_that_begin_with_a_hash_are_merges(model):
    """Without a first #version line, "# #" is the first merge; behind it, it is one more."""
    vocabulary = json.loads((model / "vocab.json").read_text("utf-8"))
    del vocabulary["<|endoftext|>"]
    (model / "vocab.json").write_text(json.dumps(vocabulary | {"##": 4095}), "utf-8")
    for head in ("", "#version: 0.2\n", "Ġ t\n"):
        (model / "merges.txt").write_text(head + "# #\nh e\n", "utf-8", newline="\r\n")
        run = harness.run("the", "--model", str(model))
        assert run.status == 0 and ("#", "#") in run.variables["merge_rank"]
        assert len(run.variables["merge_rank"]) == 2 + (head == "Ġ t\n")


def header_of(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def write(path, header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_safetensors_truncated(model):
    """Cut anywhere: in the length, in the header, between tensors, in the last number."""
    path = model / "model.safetensors"
    whole = path.read_bytes()
    header_end = 8 + struct.unpack("<Q", whole[:8])[0]
    random = np.random.RandomState(0)
    cuts = {
        0,
        1,
        7,
        8,
        9,
        header_end - 1,
        header_end,
        header_end + 1,
        len(whole) // 2,
        len(whole) - 1,
    }
    cuts |= set(random.randint(0, header_end, 20).tolist()) | set(
        random.randint(header_end, len(whole), 20).tolist()
    )
    for entry in header_of(path)[0].values():
        cuts.add(header_end + entry["data_offsets"][0])
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut])
        refused(harness.run("x", "--model", str(model)), 1, "model.safetensors")
    for more in (b"\0", b"\0" * 1000):
        path.write_bytes(whole + more)
        refused(harness.run("x", "--model", str(model)), 1, "model.safetensors")


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**40, 2**63 - 1, 2**63, 2**64 - 1])
def test_safetensors_header_length(model, length):
    path = model / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(struct.pack("<Q", length) + data[8:])
    refused(harness.run("x", "--model", str(model)), 1, "model.safetensors")


@pytest.mark.parametrize("header", [*BAD_TEXT, b"[" * 100_000, b"{}"], ids=lambda b: repr(b[:9]))
def test_safetensors_header_text(model, header):
    path = model / "model.safetensors"
    write(path, header, header_of(path)[1])
    refused(harness.run("x", "--model", str(model)), 1, "model.safetensors")


LAST = "ln_f.bias"


@pytest.mark.parametrize("name", ["wte.weight", "h.1.attn.c_attn.bias", LAST])
@pytest.mark.parametrize(
    "field, values",
    [
        ("dtype", ["F64", "F8_E4M3", "I32", "BOOL", "", None, 4, ["F32"], {}, "F16", "BF16", ...]),
        ("shape", [[], [8], [1, 24], [24, 1], [2**62, 8], "24", None, 24, [24.5], {}, ...]),
        ("data_offsets", [[], [0], [0, 0], [-4, 0], [8, 4], [0, 2**70], [0.0, 96.0], ["0", "96"]]),
        ("data_offsets", [[None, None], [True, 96], [0, 1, 2], "ab", None, 96, {}, {"a": 1}, ...]),
    ],
)  # fmt: skip
def test_safetensors_entry(model, name, field, values):
    path = model / "model.safetensors"
    header, data = header_of(path)
    for value in values:
        entry = {
            key: kept for key, kept in (header[name] | {field: value}).items() if kept is not ...
        }
        if entry == header[name]:
            continue
        write(path, header | {name: entry}, data)
        run = harness.run("x", "--model", str(model))
        refused(run, 1, "model.safetensors")
        if field != "data_offsets":
            assert name in run.stderr


@pytest.mark.parametrize("entry", [None, 1, "x", [], {}])
def test_safetensors_entry_of_another_kind(model, entry):
    path = model / "model.safetensors"
    header, data = header_of(path)
    write(path, header | {"wpe.weight": entry}, data)
    refused(harness.run("x", "--model", str(model)), 1, "model.safetensors")


@pytest.mark.parametrize("shift", [-4, 4, 1])
def test_safetensors_offsets_overlap_or_leave_a_gap(model, shift):
    path = model / "model.safetensors"
    header, data = header_of(path)
    begin, end = header["wpe.weight"]["data_offsets"]
    header["wpe.weight"]["data_offsets"] = [begin + shift, end + shift]
    write(path, header, data)
    refused(harness.run("x", "--model", str(model)), 1, "model.safetensors", "wpe.weight")


@pytest.mark.parametrize("name", ["wte.weight", LAST])
def test_safetensors_offsets_that_are_right_but_no_integers(model, name):
    path = model / "model.safetensors"
    header, data = header_of(path)
    header[name]["data_offsets"] = [float(offset) for offset in header[name]["data_offsets"]]
    write(path, header, data)
    refused(harness.run("x", "--model", str(model)), 1, "model.safetensors", name)


def test_safetensors_last_tensor_ends_before_it_begins(model):
    """[0, 8], [8, 4] would end where a file of four bytes ends."""
    path = model / "model.safetensors"
    header, data = header_of(path)
    begin, end = header[LAST]["data_offsets"]
    header[LAST]["data_offsets"] = [begin, begin - 4]
    write(path, header, data[: begin - 4])
    refused(harness.run("x", "--model", str(model)), 1, "model.safetensors", LAST)


def test_safetensors_offsets_do_not_match_the_shape(model):
    """Gapless, but one tensor has four bytes of its neighbour's."""
    path = model / "model.safetensors"
    header, data = header_of(path)
    header["wpe.weight"]["data_offsets"][1] += 4
    header["h.0.ln_1.weight"]["data_offsets"][0] += 4
    write(path, header, data)
    refused(harness.run("x", "--model", str(model)), 1, "model.safetensors", "wpe.weight")


@pytest.mark.parametrize("name", ["wte.weight", "wpe.weight", "h.1.mlp.c_fc.bias", LAST])
def test_safetensors_tensor_missing(model, edit_tensors, name):
    edit_tensors(lambda tensors: tensors.pop(name))
    refused(harness.run("x", "--model", str(model)), 1, "model.safetensors", f"{name} is missing")


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize(
    "name", ["wte.weight", "h.0.attn.c_attn.weight", "h.1.mlp.c_fc.bias", "ln_f.weight"]
)
def test_logits_that_are_not_numbers(model, edit_tensors, name, number):
    edit_tensors(lambda tensors: np.put(tensors[name], range(0, tensors[name].size, 3), number))
    run = harness.run("Once upon", "--model", str(model))
    if run.status or np.isnan(number):
        refused(run, 1, "model.safetensors", "not numbers")
    else:  # an infinity may be saturated on its way: then the logits are numbers and the run is one
        assert np.isfinite(run.variables["logits"]).all() and "Warning" not in run.stderr


def test_infinite_weights_give_no_warnings_either(model, edit_tensors):
    """In a process of its own, where NumPy's warnings would be on stderr."""
    edit_tensors(lambda tensors: tensors["h.0.attn.c_attn.weight"].fill(np.inf))
    done = harness.command("Once upon", "--model", str(model))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 2, done.stderr


def test_a_slip_of_the_reader_shows_pythons_own_traceback(tmp_path):
    """Nothing of the program stands between a learner's mistake and its traceback."""
    program = tmp_path / "easygpt2.py"
    program.write_text(harness.SOURCE.replace("wte @ last", "wte @ lost"), "utf-8")
    done = harness.command("Once", *TALES, program=program)
    assert done.returncode == 1 and "NameError: name 'lost'" in done.stderr


def test_wholesome_model_runs(model, tmp_path):
    """The model that the refusals damage is a good one, also from a folder with a hard name."""
    hard = tmp_path / "a folder, naïve 'quoted' ☃"
    shutil.copytree(model, hard)
    assert harness.run("Once upon a time", "--model", str(hard)).status == 0
