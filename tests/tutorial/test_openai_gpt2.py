"""OpenAI's real weights give what other implementations give; and this test can be trusted.

Without the weights a stand-in takes their place: a random model of as many layers and heads, with
figures that transformers computes. The checks must hold for them, and fail for any other figure.
"""

import copy
import functools

import numpy as np
import pytest

import harness
import random_model
import shapes

FIRST_39 = "new_ids_begin"  # the source gives 39 of 40


@functools.cache
def run(folder, prompt, n_tokens):
    """Return (the run, {(layer, head): attention weights of its last pass})."""
    weights = {}

    def after(statement, frame, returned):
        targets = getattr(statement, "targets", [])
        if [getattr(target, "id", "") for target in targets] == ["attention_weights"]:
            variables = frame.f_globals
            weights[variables["layer"], variables["head"]] = variables["attention_weights"]

    done = harness.run(prompt, "--tokens", str(n_tokens), "--model", str(folder), after=after)
    assert done.status == 0, done.stderr
    return done, weights


def check_greedy(folder, known):
    """The ids, and the text, of a greedy continuation."""
    if FIRST_39 in known:
        done, _ = run(folder, known["prompt"], len(known[FIRST_39]) + 1)
        new_ids = done.variables["ids"][done.variables["n_prompt"] :]
        assert new_ids[:-1] == known[FIRST_39]
        assert done.variables["output"].startswith(known["text"])
        return
    n_tokens = known.get("new_tokens", 8)
    done, _ = run(folder, known["prompt"], n_tokens)
    ids = done.variables["ids"]
    assert len(ids) == done.variables["n_prompt"] + n_tokens
    if "new_tokens" in known:
        assert ids[:-n_tokens] == known["ids"]
        check_logits(run(folder, known["prompt"], 1)[0].variables["logits"], known)
    else:
        assert ids == known["ids"]
    assert done.variables["output"] == known["text"]


def check_logits(logits, known):
    """The five listed are the largest, and as large as they should be; so is the mean."""
    for id, logit in known["top"]:
        assert abs(logits[id] - logit) <= 0.05, f"logit of {id}: {logits[id]}, not {logit}"
    others = np.delete(logits, [id for id, _ in known["top"]])
    assert others.max() <= known["top"][-1][1] + 0.05
    if "mean_logit" in known:
        assert abs(logits.mean(dtype=np.float64) - known["mean_logit"]) <= 0.05


def check_figures(folder, known):
    """The ids, the next token's logits and the attention weights of a prompt."""
    done, weights = run(folder, known["prompt"], 1)
    assert done.variables["ids"][:-1] == known["ids"]
    assert done.variables["ids"][-1] == known["top"][0][0]
    check_logits(done.variables["logits"], known)
    for grid in known["attention"]:
        ours = weights[grid["layer"], grid["head"]]
        for query, row in enumerate(grid["weights"]):
            theirs = np.zeros(len(known["ids"]))
            theirs[: len(row)] = row
            assert np.abs(ours[query] - theirs).max() <= 0.002, (grid["layer"], grid["head"], query)


@pytest.mark.parametrize("number", range(3))
def test_greedy(openai_gpt2, openai_figures, number):
    check_greedy(openai_gpt2, openai_figures["greedy"][number])


@pytest.mark.parametrize("number", range(5))
def test_figures(openai_gpt2, openai_figures, number):
    check_figures(openai_gpt2, openai_figures["runs"][number])


# The stand-in


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory, openai_figures, reference):
    """(folder, figures of the same form as the real ones, computed by transformers)."""
    config = random_model.config_of(n_layer=12, n_head=12, n_embd=48, n_ctx=64, n_vocab=4096)
    place = tmp_path_factory.mktemp("stand-in")
    folder = random_model.write_model(place / "gpt2", config, odd=True, buffers=True, std=0.2)
    model = reference.load(folder)
    tokenizer = shapes.tokenizer_of(folder)
    figures = copy.deepcopy(openai_figures)
    for known in figures["greedy"]:
        prompt = tokenizer.encode(known["prompt"]).ids
        n_tokens = 40 if FIRST_39 in known else 8
        ids, logits = reference.greedy(model, prompt, n_tokens)
        if FIRST_39 in known:
            known[FIRST_39] = ids[len(prompt) : -1]
            ids = ids[:-1]
        else:
            known["ids"] = prompt if "new_tokens" in known else ids
        known["text"] = tokenizer.decode(ids, skip_special_tokens=False)
        if "top" in known:
            known["top"] = top(logits[0])
    for known in figures["runs"]:
        known["ids"] = tokenizer.encode(known["prompt"]).ids
        logits = reference.all_logits(model, known["ids"])[-1]
        known["top"], known["mean_logit"] = top(logits), float(logits.mean(dtype=np.float64))
        grids = reference.attention_weights(folder, known["ids"])
        for grid in known["attention"]:
            rows = grids[grid["layer"]][grid["head"]]
            grid["weights"] = [row[: query + 1].tolist() for query, row in enumerate(rows)]
    return folder, figures


def top(logits):
    return [[int(id), float(logits[id])] for id in np.argsort(-logits)[:5]]


def test_the_checks_hold_for_the_stand_in(stand_in):
    folder, figures = stand_in
    for known in figures["greedy"]:
        check_greedy(folder, known)
    for known in figures["runs"]:
        check_figures(folder, known)


def variants(figures):
    """Yield (check, figures with one of them changed by a little more than may be)."""
    headline, long, world = figures["greedy"]
    for known, key in [(headline, "ids"), (long, FIRST_39), (world, "ids")]:
        for place in (0, len(known[key]) - 1):
            yield check_greedy, known | {key: changed(known[key], place, 1)}
        yield check_greedy, known | {"text": "X" + known["text"]}
    yield check_greedy, world | {"top": changed(world["top"], 2, None)}
    known = figures["runs"][0]
    yield check_figures, known | {"ids": changed(known["ids"], 1, 1)}
    yield check_figures, known | {"mean_logit": known["mean_logit"] + 0.06}
    yield check_figures, known | {"top": known["top"][1:]}
    for place in range(5):
        yield check_figures, known | {"top": changed(known["top"], place, None)}
    for number, grid in enumerate(known["attention"]):
        for query in range(len(grid["weights"])):
            other = copy.deepcopy(known)
            other["attention"][number]["weights"][query][-1] += 0.003
            yield check_figures, other


def changed(items, place, by):
    """Return the list with one item larger: an id by `by`, an [id, logit] by 0.06."""
    item = items[place]
    new = item + by if by else [item[0], item[1] + 0.06]
    return [*items[:place], new, *items[place + 1 :]]


def test_the_checks_fail_for_any_other_figure(stand_in):
    folder, figures = stand_in
    n_failures = 0
    for check, known in variants(figures):
        with pytest.raises(AssertionError):
            check(folder, known)
        n_failures += 1
    assert n_failures == 10 + 8 + sum(
        len(grid["weights"]) for grid in figures["runs"][0]["attention"]
    )
