"""Step 13 at a temperature: over many draws, the frequencies are the model's probabilities."""

import json
from pathlib import Path

import numpy as np
import pytest

import harness
import shapes

STEP_13 = harness.piece(13, "if ")
N_DRAWS = 4_000
CASES = [(1.0, None), (0.5, None), (2.0, 5), (1.0, 40), (0.7, 1), (1.3, 10**9)]


def draws(temperature, top_k, seed, logits=None):
    """Run step 13 N_DRAWS times behind one prompt; return (the logits, the chosen ids)."""
    options = ["--temperature", str(temperature), "--seed", str(seed), "--tokens", "1"]
    options += ["--top-k", str(top_k)] if top_k else []
    run = harness.run(shapes.PROMPT, *options, "--model", str(harness.TALES))
    assert run.status == 0
    variables = run.variables
    if logits is not None:
        variables["logits"] = logits
    chosen = []
    for _ in range(N_DRAWS):
        exec(STEP_13, variables)
        chosen.append(variables["next_id"])
    return variables["logits"], np.array(chosen)


def chi_squared(chosen, probabilities):
    """Return the statistic over its degrees of freedom, rare tokens taken together."""
    counts = np.bincount(chosen, minlength=len(probabilities))
    expected = probabilities * len(chosen)
    often = expected >= 5
    observed = np.append(counts[often], counts[~often].sum())
    expected = np.append(expected[often], max(expected[~often].sum(), 1e-9))
    if expected[-1] < 5:
        observed, expected = observed[:-1], expected[:-1]
    return ((observed - expected) ** 2 / expected).sum(), len(observed) - 1


def bound_of(freedom):
    """What chi-squared passes by chance once in some 30,000 draws (Wilson and Hilferty, 1931)."""
    return freedom * (1 - 2 / (9 * freedom) + 4 * np.sqrt(2 / (9 * freedom))) ** 3


def softmax(logits, temperature, top_k):
    """What the probabilities should be, by NumPy in float64."""
    best = np.argsort(-logits, kind="stable")[:top_k]
    scores = logits[best].astype(np.float64) / temperature
    kept = np.exp(scores - scores[0])
    probabilities = np.zeros(len(logits))
    probabilities[best] = kept / kept.sum()
    return probabilities


class Spy:
    """A generator that remembers what it was given to choose from."""

    def __init__(self, generator):
        self.generator = generator

    def choice(self, items, p):
        self.items, self.probabilities = items, p
        return self.generator.choice(items, p=p)


@pytest.mark.parametrize("temperature", [0.7, 1, 3])
def test_no_token_is_lost(temperature):
    """What each token's probability is, also where no number of draws would show it."""
    options = ["--temperature", str(temperature), "--seed", "1", "--tokens", "1"]
    run = harness.run(shapes.PROMPT, *options, "--model", str(harness.TALES)).variables
    spy = run["options"]["generator"] = Spy(run["options"]["generator"])
    exec(STEP_13, run)
    assert spy.probabilities.dtype == np.float32  # all the way
    assert sorted(spy.items) == list(range(4096))
    expected = softmax(run["logits"], temperature, None)[spy.items]
    likely = expected > 1e-11
    assert likely.sum() > 1000
    assert spy.probabilities[likely] == pytest.approx(expected[likely], rel=1e-3)


def test_rare_tokens_are_drawn():
    """A draw that falls on the share of a token with one in ten billion gives this token.

    NumPy's choice sums the shares in float64; in float32 such a share vanishes beside 1.
    """

    class Draws(np.random.Generator):
        """NumPy's Generator, with given numbers instead of random ones."""

        def random(self, size=None):
            return np.float64(number)

    run = harness.run(
        "Once", "--temperature", "1", "--tokens", "1", "--model", str(harness.TALES)
    ).variables
    run["options"]["generator"] = Draws(np.random.PCG64(0))
    run["logits"] = np.full(4096, -23, np.float32)  # each some 1e-10 of the first's
    run["logits"][17] = 0
    shares = np.cumsum(softmax(run["logits"], 1, None)[[17, *range(17), *range(18, 4096)]])
    chosen = []
    for place in (1, 40, 2000, 4000):
        number = (shares[place - 1] + shares[place]) / 2
        exec(STEP_13, run)
        chosen.append(run["next_id"])
    assert chosen == [0, 40, 2000, 4000]


@pytest.mark.parametrize("temperature, top_k", CASES)
def test_frequencies_are_the_probabilities(temperature, top_k):
    logits, chosen = draws(temperature, top_k, seed=7)
    check(chosen, softmax(logits, temperature, top_k))


@pytest.fixture(scope="module")
def tales(reference):
    """models/tales as transformers loads it."""
    return reference.load(harness.TALES)


@pytest.mark.parametrize("temperature, top_k", CASES)
def test_frequencies_are_those_of_transformers(reference, tales, temperature, top_k):
    """Both the logits and what temperature and top-k do to them come from transformers."""
    expected = reference.probabilities(tales, shapes.prompt_ids(), temperature, top_k)
    check(draws(temperature, top_k, seed=8)[1], expected)


def check(chosen, probabilities):
    assert probabilities[chosen].min() > 0, "a token was drawn that cannot be"
    if np.count_nonzero(probabilities) > 1:
        statistic, freedom = chi_squared(chosen, probabilities)
        assert statistic < bound_of(freedom), f"chi-squared {statistic:.0f} of {freedom}"


def test_the_check_itself_can_fail():
    """Draws at another temperature are told apart."""
    logits, chosen = draws(1.1, None, seed=7)
    with pytest.raises(AssertionError, match="chi-squared"):
        check(chosen, softmax(logits, 1.0, None))


def text(*options, prompt="Once upon a time", n_tokens=20, notes=0, model=harness.TALES):
    run = harness.run(prompt, "--tokens", str(n_tokens), "--model", str(model), *options)
    assert run.status == 0 and run.stderr.count("\n") == 1 + notes, run.stderr
    return run.variables["ids"]


def test_top_k_1_is_greedy_also_with_ties():
    assert text("--temperature", "3", "--top-k", "1") == text()
    logits = np.zeros(4096, np.float32)
    logits[[17, 4000]] = 1
    assert set(draws(1.0, 1, 0, logits)[1]) == {17}


def test_temperature_0_and_next_to_0_are_greedy():
    greedy = text()
    for temperature in ("0", "-0.0", "1e-50", "1e-30", "1e-9"):
        assert text("--temperature", temperature) == greedy


@pytest.mark.parametrize("temperature", [1e-20, 1e-12, 1e-9, 1e-5, 1e-2])
def test_a_temperature_next_to_0_is_one(temperature):
    """Two logits that are apart by less than it are drawn, as often as softmax says."""
    logits = np.full(4096, -1, np.float32)
    logits[[17, 4000]] = [-temperature, 0]
    chosen = draws(temperature, None, 3, logits)[1]
    assert set(chosen) == {17, 4000}
    share = 1 / (1 + np.exp(-1))  # of 4000; its draws are off by 4 deviations once in 15,000 times
    assert abs((chosen == 4000).mean() - share) < 4 * (share * (1 - share) / N_DRAWS) ** 0.5


def test_top_k_and_seed_alone_stay_greedy():
    greedy = text()
    for options in (["--top-k", "9"], ["--seed", "3"], ["--top-k", "9", "--seed", "0"]):
        assert text(*options, notes=1) == greedy
        assert text(*options, "--temperature", "0", notes=1) == greedy


def test_any_finite_temperature_runs():
    for temperature in ("1e-300", "1e-20", "1e20", "1e38", "1e300"):
        options = ["--temperature", temperature, "--seed", "1", "--model", str(harness.TALES)]
        variables = harness.run("Once upon a time", *options).variables
        assert len(variables["ids"]) == 12  # another seed may draw the end of the text
        assert np.isfinite(variables["probabilities"]).all()
        assert variables["probabilities"].dtype == np.float32


def test_a_huge_temperature_makes_all_tokens_equal():
    options = ["--temperature", "1e300", "--model", str(harness.TALES)]
    variables = harness.run("Once upon a time", *options).variables
    assert variables["probabilities"] == pytest.approx(np.full(4096, 1 / 4096), rel=1e-6)


def test_same_seed_same_text():
    first, again, other = (text("--temperature", "1", "--seed", seed) for seed in ("5", "5", "6"))
    assert first == again != other
    assert text("--temperature", "1") != text("--temperature", "1")
    text("--temperature", "1", "--seed", str(10**40))


# What commit bb3ffc6 drew, which summed the shares and searched in them by itself. The model has
# random weights, so that the draws stay what they are when tales is trained again.
PINNED = json.loads((Path(__file__).parent / "data" / "draws.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def one_head(tmp_path_factory):
    """A folder with random weights that no training changes."""
    return shapes.folder_of("one_head", tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("known", PINNED, ids=lambda known: " ".join(known["options"]))
def test_a_seed_gives_the_text_that_it_always_gave(known, one_head):
    assert len(known["ids"]) > 40 and len(set(known["ids"])) > 10
    found = text(*known["options"], prompt=known["prompt"], n_tokens=40, model=one_head)
    assert found == known["ids"]


def test_top_k_above_the_vocabulary_means_all():
    huge = str(10**30)
    options = ["--temperature", "1", "--seed", "5"]
    assert text(*options, "--top-k", huge) == text(*options) == text(*options, "--top-k", "4096")
