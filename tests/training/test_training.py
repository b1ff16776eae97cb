"""training/: a model is made whole, the same each time, and measured; tales' model card."""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import harness
from tools.command import Refused

sys.path.insert(0, str(harness.ROOT / "training"))
CARD = (harness.TALES / "MODEL_CARD.md").read_text("utf-8")
LOG = (harness.TALES / "train.log").read_text("utf-8")
SAMPLES = re.search(r"^```\n(.*?)\n```", CARD, re.M | re.S)[1].split("\n\n")
# as evaluate.py says it, and train.log: the figures, and what was measured
HELD_OUT = re.compile(
    r"(([\d.]+) nats a token, perplexity ([\d.]+), ([\d.]+) bits a character) \((.+)\)"
)
TEXT = "Once upon a time there was a king who had three sons, and the youngest was called Hans."


@pytest.fixture
def training(reference, monkeypatch):
    """The module train_tales, with a model of a size that a test can train."""
    import train_tales

    small = dict(N_VOCAB=300, N_CTX=16, N_EMBD=8, N_LAYER=2, N_HEAD=2)
    for name, value in (small | dict(EVERY=2, WARM_UP=2, LEARNING_RATE=0.02)).items():
        monkeypatch.setattr(train_tales, name, value)
    return train_tales


@pytest.fixture
def corpus(tmp_path):
    """A folder with 60 texts in two files."""
    words = "king queen wolf went home and saw the old house by a river in snow".split()
    draws = np.random.default_rng(1)
    texts = [" ".join(draws.choice(words, 30)) + ".\n" for _ in range(60)]
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, part in [("one.txt", texts[:20]), ("two.txt", texts[20:])]:
        (folder / name).write_text("<|endoftext|>\n".join(part), "utf-8")
    (folder / "SOURCES.md").write_text("not a text to learn from", "utf-8")
    return folder


def test_the_constants_are_those_of_tales(reference):
    import train_tales

    config = json.loads((harness.TALES / "config.json").read_text("utf-8"))
    names = ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head"]
    sizes = [getattr(train_tales, f"N_{name}") for name in "VOCAB CTX EMBD LAYER HEAD".split()]
    assert sizes == [config[name] for name in names]
    n_steps = train_tales.N_STEPS
    assert f" {n_steps:,} steps of {train_tales.BATCH} × {train_tales.N_CTX} tokens" in CARD
    assert f"{n_steps * train_tales.BATCH * train_tales.N_CTX / 1e6:.0f} million tokens" in CARD
    steps = [int(step) for step in re.findall(r"min, step (\d+), loss", LOG)]
    assert steps == list(range(train_tales.EVERY, n_steps + 1, train_tales.EVERY))


def test_what_was_held_out_of_tales(reference, openai_vocabulary):
    """The split of the real corpus, and transformers' surprise at the part that is held out."""
    import evaluate

    corpus = openai_vocabulary.parent / "corpus" / "tales.txt"
    if not corpus.exists():
        pytest.skip("the corpus of models/tales is not beside OpenAI's vocabulary")
    held_out, texts = evaluate.read_texts(corpus)
    assert f"{len(held_out) + len(texts):,} fairy tales" in CARD
    assert f"{len(held_out)} texts (the first fiftieth of all, after a shuffle)" in CARD
    _, *now, measured = HELD_OUT.search(evaluate.evaluate(held_out, harness.TALES)).groups()
    _, *then, measured_then = HELD_OUT.search(LOG).groups()
    assert measured == measured_then
    assert [*map(float, now)] == pytest.approx([*map(float, then)], rel=1e-3)


def test_samples_are_those_of_the_rule():
    prompts = (harness.ROOT / "training/prompts.txt").read_text("utf-8").splitlines()[:5]
    for prompt, sample in zip(prompts, SAMPLES, strict=True):
        run = harness.run(prompt, "--tokens", "40", "--model", str(harness.TALES))
        assert run.variables["output"] == sample


def test_figures_of_the_card():
    run = harness.run("Once", "--model", str(harness.TALES))
    weights = [run.variables["wte"], run.variables["wpe"], *run.variables["ln_f"]]
    weights += [
        tensor for parts in run.variables["layers"] for pair in parts.values() for tensor in pair
    ]
    assert f"{sum(tensor.size for tensor in weights):,} parameters" in CARD
    size = (harness.TALES / "model.safetensors").stat().st_size
    assert f"float16, {size / 1e6:.1f} MB" in CARD and run.variables["data_start"] % 64 == 0
    figures, *numbers, measured = HELD_OUT.search(LOG).groups()
    n_texts, rest = measured.split(", ", 1)
    assert f"| held out | {n_texts} (" in CARD and f" {rest}, measured with" in CARD
    assert f"**{figures}**" in CARD
    n_tokens, n_characters = [float(text) for text in re.findall(r"\d+", rest.replace(",", ""))]
    loss, perplexity, bits = map(float, numbers)
    assert perplexity == pytest.approx(np.exp(loss), abs=0.06)
    assert bits == pytest.approx(loss * n_tokens / n_characters / np.log(2), abs=0.001)


def test_a_model_is_made_whole(training, corpus, tmp_path, capsys):
    folder = tmp_path / "models" / "mine"
    training.main([str(corpus), str(folder), "--steps", "5"])
    names = ["config.json", "merges.txt", "model.safetensors", "train.log", "vocab.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]
    shown = capsys.readouterr().out
    assert shown.startswith((folder / "train.log").read_text("utf-8"))
    assert "from step 0: " in shown and "step 5, loss" in shown and "held out: " in shown
    run = harness.run("king and wolf", "--model", str(folder))
    assert run.status == 0 and run.variables["header"]["wte.weight"]["dtype"] == "F16"
    vocabulary = run.variables["vocabulary"]
    assert len(vocabulary) == 300 and vocabulary["<|endoftext|>"] == 299
    line = r"held out: (.+) nats a token, perplexity (.+), (.+) bits .+, (\d+) tokens, (\d+) char"
    loss, perplexity, bits, n_tokens, n_characters = map(float, re.search(line, shown).groups())
    training.evaluate.main([str(corpus), str(folder)])
    assert f"held out: {capsys.readouterr().out}" in shown
    (text,) = training.evaluate.read_texts(corpus)[0]
    assert n_characters == len(text) + 1
    assert perplexity == pytest.approx(np.exp(loss), rel=1e-3)
    assert bits == pytest.approx(loss * n_tokens / n_characters / np.log(2), rel=1e-3)


def test_what_is_held_out_never_changes(training, tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("<|endoftext|>".join(f"text {n}" for n in range(100)), "utf-8")
    held_out, texts = training.evaluate.read_texts(path)
    assert held_out == ["text 82", "text 36"]
    assert sorted(held_out + texts) == sorted(f"text {n}" for n in range(100))


def test_recipe(training, corpus, tmp_path, monkeypatch):
    """Muon has the layers' matrices, AdamW the rest; vectors do not decay; gradients are cut."""
    import torch

    norms, models, optimizers, rates = [], [], [], []
    new, several = training.new_model, training.new_optimizers
    monkeypatch.setattr(training, "new_model", lambda *a: models.append(new(*a)) or models[0])
    monkeypatch.setattr(
        training, "new_optimizers", lambda *a: optimizers.extend(several(*a)) or optimizers
    )

    def clip(parameters, norm):
        norms.append(norm)
        rates.append([group["lr"] for optimizer in optimizers for group in optimizer.param_groups])
        return clip_grad_norm(parameters, norm)

    clip_grad_norm = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clip)
    training.main([str(corpus), str(tmp_path / "mine"), "--steps", "5"])
    assert norms == [1.0] * 5
    found = [torch.optim.Muon, torch.optim.AdamW]
    assert all(isinstance(one, kind) for one, kind in zip(optimizers, found, strict=True))
    (matrices,), (embeddings, vectors) = [optimizer.param_groups for optimizer in optimizers]
    names = {id(weight): name for name, weight in models[0].named_parameters()}
    found = [[names[id(weight)] for weight in group["params"]] for group in (matrices, embeddings)]
    assert len(found[0]) == 8 and all(re.search(r"\.h\..+\.weight$", name) for name in found[0])
    assert found[1] == ["transformer.wte.weight", "transformer.wpe.weight"]
    assert {weight.dim() for weight in vectors["params"]} == {1}
    assert len(found[0]) + len(found[1]) + len(vectors["params"]) == len(names)
    decays = [group["weight_decay"] for group in (matrices, embeddings, vectors)]
    assert decays == [0.1, 0.1, 0] and embeddings["betas"] == vectors["betas"] == (0.9, 0.98)
    assert matrices["adjust_lr_fn"] == "match_rms_adamw"
    assert rates == [pytest.approx([rate] * 3) for rate in (0.01, 0.02, 0.02, 0.02, 0.02)]


def test_muon_with_float32_products_is_torchs_own(training):
    """It goes where torch's Muon goes, but for what bfloat16's 8 bits lose."""
    import torch

    kinds, ends = [torch.optim.Muon, training.Float32Muon], []
    for kind in kinds:
        torch.manual_seed(1)
        weights = [torch.nn.Parameter(torch.randn(*size)) for size in [(12, 40), (40, 12), (9, 9)]]
        begin = [weight.detach().clone() for weight in weights]
        optimizer = kind(weights, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
        for _ in range(5):
            for weight in weights:
                weight.grad = torch.randn_like(weight)
            optimizer.step()
        ends.append([weight.detach() - start for weight, start in zip(weights, begin)])
        assert {"momentum_buffer"} == set(optimizer.state[weights[0]])
    for one, other in zip(*ends, strict=True):
        assert (one - other).norm() < 0.02 * one.norm()
        assert not torch.equal(one, other)


def test_learning_rate(training):
    """Up in a line, the same for as long as possible, down to zero in the last fifth."""
    rates = [training.learning_rate(step, 1000) / 0.02 for step in (0, 1, 500, 800, 900, 999)]
    assert rates == pytest.approx([0.5, 1, 1, 1, 0.5, 0.005])
    assert [training.learning_rate(step, 10**5) for step in (0, 1, 500)] == [0.01, 0.02, 0.02]


def test_the_activation_is_that_of_the_tutorial(training):
    """What the model trains with is what its file names: one and the same GELU."""
    import torch

    model = training.new_model(299)
    assert model.config.activation_function == "gelu_new"
    x = torch.linspace(-6, 6, 1001)
    gelu = harness.run("Once", "--tokens", "1", "--model", str(harness.TALES)).variables["gelu"]
    for block in model.transformer.h:
        assert block.mlp.act(x).numpy() == pytest.approx(gelu(x.numpy()), abs=2e-6)


def test_it_learns(training, corpus, tmp_path):
    """More steps, less surprise at texts that were held out."""
    losses = []
    for n_steps in (1, 60):
        folder = tmp_path / str(n_steps)
        training.main([str(corpus), str(folder), "--steps", str(n_steps)])
        log = (folder / "train.log").read_text("utf-8")
        losses.append(float(re.search(r"held out: (.+?) nats", log)[1]))
    assert losses[1] < losses[0] - 0.3


def test_the_same_again_also_after_an_interruption(training, corpus, tmp_path, monkeypatch):
    folders = [tmp_path / name for name in ("one", "two")]
    training.main([str(corpus), str(folders[0]), "--steps", "5"])
    save = training.save

    def interrupted(checkpoint, model, optimizer, state):
        save(checkpoint, model, optimizer, state)
        if state["done"] == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save", interrupted)
    again = [str(corpus), str(folders[1]), "--steps", "5"]
    with pytest.raises(KeyboardInterrupt):
        training.main(again)
    assert not folders[1].exists()
    with monkeypatch.context() as patch:
        patch.setattr(training, "SEED", 1)
        with pytest.raises(Refused, match="begun with other texts or constants"):
            training.main(again)
    (tmp_path / "few.txt").write_text(TEXT, "utf-8")
    with pytest.raises(Refused, match="has 1 of at least 50 texts"):
        training.main([str(tmp_path / "few.txt"), *again[1:]])
    steps = []
    monkeypatch.setattr(training, "save", save)
    stack = np.stack
    monkeypatch.setattr(np, "stack", lambda *a: steps.append(a) or stack(*a))
    with monkeypatch.context() as patch:
        patch.setattr(training.evaluate, "total_loss", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            training.main(again)
    assert len(steps) == 1 and not folders[1].exists()
    training.main(again)
    assert len(steps) == 1 and "held out: " in (folders[1] / "train.log").read_text("utf-8")
    one, two = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert one == two


def test_the_end_may_be_put_elsewhere_until_the_rate_falls(training, corpus, tmp_path, monkeypatch):
    """What was begun with other --steps ends as if it had been begun with these, or is refused."""
    whole, moved = tmp_path / "whole", tmp_path / "moved"
    training.main([str(corpus), str(whole), "--steps", "10"])
    save, stop = training.save, []

    def interrupted(checkpoint, model, optimizers, state):
        save(checkpoint, model, optimizers, state)
        if state["done"] in stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save", interrupted)

    def go_on(n_steps, until):
        stop[:] = [until]
        with pytest.raises(KeyboardInterrupt):
            training.main([str(corpus), str(moved), "--steps", str(n_steps)])

    go_on(30, until=4)
    go_on(50, until=8)
    problem = "has done 8 of --steps 50, in another way than --steps 7 would: give the former"
    with pytest.raises(Refused, match=problem):
        training.main([str(corpus), str(moved), "--steps", "7"])
    go_on(10, until=10)  # from the ninth step on the rate falls
    with pytest.raises(Refused, match="has done 10 of --steps 10, in another"):
        training.main([str(corpus), str(moved), "--steps", "11"])
    training.main([str(corpus), str(moved), "--steps", "10"])
    one, two = [(folder / "model.safetensors").read_bytes() for folder in (whole, moved)]
    assert one == two


def shorten(corpus, text):
    """Let this text, 53 times, be all there is."""
    (corpus / "one.txt").write_text("<|endoftext|>".join([text] * 53), "utf-8")
    (corpus / "two.txt").unlink()


@pytest.mark.parametrize(
    "spoil, problem",
    [
        (lambda corpus: (corpus / "two.txt").unlink(), "has 20 of at least 50 texts"),
        (lambda corpus: (corpus / "one.txt").write_bytes(b"\xff"), "one.txt is not UTF-8"),
        (lambda corpus: shorten(corpus, "aa"), "has 104 tokens to learn from, 401 are needed"),
        (lambda corpus: shorten(corpus, "a"), "has nothing twice to make a token of"),
    ],
)
def test_refusals(training, corpus, tmp_path, spoil, problem):
    spoil(corpus)
    training.N_CTX = 400
    with pytest.raises(Refused, match=problem):
        training.main([str(corpus), str(tmp_path / "mine")])
    assert not (tmp_path / "mine").exists() and not (tmp_path / ".mine.training").exists()


@pytest.mark.parametrize(
    "name, data, problem",
    [
        ("vocab.json", b"{", "cannot read .+vocab.json"),
        ("merges.txt", b"a", "line 1 of the merges"),
        ("model.safetensors", b"", "cannot read .+model.safetensors"),
        ("config.json", b'{"model_type": "llama", "vocab_size": 1}', "cannot be|not GPT-2"),
    ],
)
def test_evaluate_refuses_a_damaged_model(training, tmp_path, name, data, problem):
    for path in harness.TALES.iterdir():
        (tmp_path / path.name).write_bytes(data if path.name == name else path.read_bytes())
    with pytest.raises(Refused, match=problem):
        training.evaluate.evaluate([TEXT], tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_is_said(training, corpus, tmp_path):
    staging = tmp_path / ".mine.training"
    staging.mkdir()
    (staging / "checkpoint.new").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        training.main([str(corpus), str(tmp_path / "mine"), "--steps", "2"])
    assert not (tmp_path / "mine").exists() and not (staging / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ([], "arguments are required: CORPUS, models/NAME"),
        (["none", "mine", "--steps", "0"], "--steps must be at least 1"),
        (["none", str(harness.ROOT)], "is there already; choose another name"),
    ],
)
def test_bad_arguments(training, arguments, problem):
    with pytest.raises(Refused, match=problem):
        training.main(arguments)


@pytest.mark.parametrize(
    "name, corpus, problem, next_command",
    [
        (
            "train_tales",
            "few",
            "few has 1 of at least 50 texts; <|endoftext|> parts them",
            "--help",
        ),
        ("evaluate", "none", "[Errno 2] No such file or directory: 'none'", "none mine"),
    ],
)
def test_commands_refuse_in_one_line(reference, name, corpus, problem, next_command, tmp_path):
    program = harness.ROOT / "training" / f"{name}.py"
    (tmp_path / "few").write_text(TEXT, "utf-8")
    done = harness.command(corpus, "mine", program=program, cwd=tmp_path)
    assert done.returncode == 1
    type_this = f"python training/{name}.py {next_command}"
    assert done.stderr == f"training/{name}.py: {problem}; type: {type_this}\n"


def test_without_torch(without):
    program = harness.ROOT / "training" / "train_tales.py"
    done = harness.command("a", "b", program=program, env=os.environ | without("torch"))
    assert done.returncode == 1
    install = "python -m pip install --upgrade pip && python -m pip install --group train"
    assert done.stderr == f"training: cannot import torch; type: {install}\n"


def test_loss_is_that_of_the_tutorial(reference):
    """Transformers' measure of a text, against softmax of the tutorial's own logits."""
    import evaluate
    import transformers

    rows = "    rows = softmax(layer_norm(residual, *ln_f) @ wte.T)\n"
    source = harness.SOURCE.replace("    n_past = n_seen\n", rows + "    n_past = n_seen\n")
    variables = harness.run(
        TEXT, "--tokens", "1", "--model", str(harness.TALES), source=source
    ).variables
    ids = variables["ids"][:-1]
    probabilities = variables["rows"][range(len(ids) - 1), ids[1:]]
    model = transformers.GPT2LMHeadModel.from_pretrained(harness.TALES, dtype="float32")
    total = evaluate.total_loss(model, np.array(ids), 256)
    assert total == pytest.approx(-np.log(probabilities).sum(), rel=1e-4)
    windows = [np.array(ids[start : start + 9]) for start in range(0, len(ids) - 1, 8)]
    total = sum(evaluate.total_loss(model, window, 256) for window in windows)
    assert evaluate.total_loss(model, np.array(ids), 8) == pytest.approx(total)


@pytest.mark.parametrize(
    "ids, expected",
    [
        ([9, *range(8), *range(8), *range(8)], [8]),
        ([*range(8), *range(8), *range(7)], []),
        ([*range(8), 9, *range(8), 9, *range(8)], [9]),
        ([*range(8), 9, *range(8), *range(8)], []),
        ([1, 2, 3, 4, 5, 6] * 3 + [1, 2], [6]),
        ([5] * 24, [*range(1, 9)]),
    ],
)
def test_a_loop_is_eight_tokens_three_times(ids, expected):
    import loops

    assert loops.distances(ids) == expected


def test_loops_are_counted_in_what_easygpt2_writes(tmp_path):
    """Of tales, each prompt's text as the program makes it; what it refuses is refused."""
    program = harness.ROOT / "training" / "loops.py"
    done = harness.command("models/tales", program=program, cwd=harness.ROOT)
    assert done.returncode == 0, done.stderr
    prompts = (harness.ROOT / "training/prompts.txt").read_text("utf-8").splitlines()
    assert len(prompts) == 10 and all(f"] {prompt}" in done.stdout for prompt in prompts)
    run = harness.run(prompts[0], "--tokens", "60", "--model", str(harness.TALES))
    assert f"] {run.variables['output'].rstrip()}\n" in done.stdout
    strict, all_of_them = re.search(
        r"a row: (\d+) of 10 texts\n.+: (\d+) of 10 texts\n$", done.stdout
    ).groups()
    shown = re.findall(r"^\[again after (\d+)\]", done.stdout, re.M)
    assert len(shown) == int(all_of_them) >= int(strict)
    done = harness.command(str(tmp_path / "none"), program=program)
    assert done.returncode == 1 and done.stderr.startswith("training/loops.py: there is no folder")
    assert done.stderr.count("\n") == done.stderr.count("; type: ") == 1
