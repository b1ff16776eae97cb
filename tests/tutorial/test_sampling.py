"""Step 13 at a temperature: over many draws, the frequencies are the model's probabilities."""

import numpy as np
import pytest

import harness
import shapes

STEP_13 = harness.piece(13, "candidates")
N_DRAWS = 8_000
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


@pytest.mark.parametrize("temperature", [0.7, 1, 3])
def test_no_token_is_lost(temperature):
    """The share of the draws that each token gets, also where no number of draws would show it."""
    options = ["--temperature", str(temperature), "--seed", "1", "--tokens", "1"]
    run = harness.run(shapes.PROMPT, *options, "--model", str(harness.TALES)).variables
    expected = softmax(run["logits"], temperature, None)[run["best"]]
    share = np.diff(run["cumulative"], prepend=0)
    likely = expected > 1e-11
    assert likely.sum() > 1000
    assert share[likely] == pytest.approx(expected[likely], rel=1e-3)


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


def text(*options):
    run = harness.run("Once upon a time", "--tokens", "20", "--model", str(harness.TALES), *options)
    assert run.status == 0 and run.stderr.count("\n") == 1, run.stderr
    return run.variables["ids"]


def test_top_k_1_is_greedy_also_with_ties():
    assert text("--temperature", "3", "--top-k", "1") == text()
    logits = np.zeros(4096, np.float32)
    logits[[17, 4000]] = 1
    assert set(draws(1.0, 1, 0, logits)[1]) == {17}


def test_temperature_0_and_next_to_0_are_greedy():
    for temperature in ("0", "0.0", "1e-50", "1e-30", "1e-9"):
        assert text("--temperature", temperature) == text()


def test_top_k_and_seed_alone_stay_greedy():
    assert text("--top-k", "9", "--seed", "3") == text()


def test_any_finite_temperature_runs():
    for temperature in ("1e-300", "1e-20", "1e20", "1e38", "1e300"):
        options = ["--temperature", temperature, "--model", str(harness.TALES)]
        variables = harness.run("Once upon a time", *options).variables
        assert len(variables["ids"]) == 12
        assert variables.get("probabilities", variables["logits"]).dtype == np.float32


def test_same_seed_same_text():
    first, again, other = (text("--temperature", "1", "--seed", seed) for seed in ("5", "5", "6"))
    assert first == again != other
    assert text("--temperature", "1") != text("--temperature", "1")
    text("--temperature", "1", "--seed", str(10**40))


def test_top_k_above_the_vocabulary_means_all():
    huge = str(10**30)
    options = ["--temperature", "1", "--seed", "5"]
    assert text(*options, "--top-k", huge) == text(*options) == text(*options, "--top-k", "4096")
