"""What benchmarks/compare.py has measured, as tables and pictures.

usage: python benchmarks/report.py    makes them anew from benchmarks/results/figures.json

A figure is the median of the rounds, with the least and the most of them; a ratio is the median of
the ratios within each round. Sizes are in MB of 10^6 bytes.
"""

import json
import statistics
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
OURS = "easygpt2.py"
INK = {"light": ("#ffffff", "#1f2328", "#d0d7de"), "dark": ("#0d1117", "#e6edf3", "#30363d")}
# Told apart by the colour-blind, on light and on dark: after Okabe and Ito.
COLOURS = {
    OURS: "#d55e00",
    "easygpt2.py, aligned file": "#e69f00",
    "transformers": "#0072b2",
    "CTranslate2": "#009e73",
    "llama.cpp": "#b65f9a",
    "picoGPT": "#8c8c8c",
    "the original EasyGPT2": "#8c8c8c",
}

median = statistics.median


def load():
    """Return what compare.py has found."""
    return json.loads((RESULTS / "figures.json").read_text("utf-8"))


def lengths(figures):
    """Return the names of the experiments behind prompts of different lengths: "at 10"..."""
    return [what for what in figures["rows"][OURS] if what.startswith("at ")]


def is_float32(figures, name):
    return figures["rows"][name]["kind"] in ("float32", "F32")


def found(figures, name, what, figure):
    """Return a figure, as "whole", of each round of a program's runs, or [] if it has none."""
    runs = figures["rows"].get(name, {}).get(what, [])
    return [run[figure] for run in runs]


def cell(values, scale=1.0, digits=2):
    """Return "median (least to most)", or a dash."""
    if not values or None in values:
        return "–"
    shown = [f"{value * scale:,.{digits}f}" for value in (median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]})" if len(values) > 1 else shown[0]


def ratio(figures, other, what, figure):
    """Return the median over the rounds of ours over another program's, or None."""
    pairs = zip(found(figures, OURS, what, figure), found(figures, other, what, figure))
    ratios = [mine / theirs for mine, theirs in pairs if theirs]
    return median(ratios) if ratios else None


def over_floor(figures, size):
    return median([turn["token"] / turn["floor"] for turn in figures["floors"][size]])


def same_ids(figures, name):
    if not is_float32(figures, name):
        return "other numbers"
    others = figures["rows"][name]["other_ids"]
    differ = dict.fromkeys(what if what != "long" else "200 tokens" for what in others)
    return f"differ ({', '.join(differ)})" if differ else "same"


def table(figures):
    """Return the main table in markdown."""
    lines = [
        "| | whole command, 10 + 8 tokens, s | decoding, ms a token "
        "| 1,000-token prompt to the next token, s | peak memory then, MB | greedy ids |",
        "|---|---|---|---|---|---|",
    ]
    for name in figures["rows"]:
        cells = [
            cell(found(figures, name, "short", "whole")),
            cell(found(figures, name, "long", "token"), 1e3, 1),
            cell(found(figures, name, "at 1000", "first")),
            cell(found(figures, name, "at 1000", "memory"), 1e-6, 0),
            same_ids(figures, name),
        ]
        if cells[1] == "–":  # no cache: what a token costs behind ten others
            cells[1] = cell(found(figures, name, "short", "token"), 1e3, 1)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [f"| {name} | {why} | | | | |" for name, why in figures["missing"].items()]
    return "\n".join(lines)


def floors(figures):
    """Return the sentences about the floor."""
    parts = []
    for size, turns in figures["floors"].items():
        token_ms = cell([turn["token"] for turn in turns], 1e3, 1)
        floor_ms = cell([turn["floor"] for turn in turns], 1e3, 1)
        parts.append(
            f"- {size}: floor {floor_ms} ms, decoding {token_ms} ms, "
            f"{over_floor(figures, size):.2f} times the floor"
        )
    return "\n".join(parts)


def growth(figures):
    """Return the table of how cost grows with the length of the text."""
    heads = [what.removeprefix("at ") for what in lengths(figures)]
    lines = []
    for title, figure, scale, digits in [
        ("Prompt to the next token, s", "first", 1, 2),
        ("A token, ms", "token", 1e3, 1),
    ]:
        lines += [f"| {title}, behind | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
        for name in figures["rows"]:
            values = [found(figures, name, what, figure) for what in lengths(figures)]
            cells = [cell(each, scale, digits) for each in values]
            if cells != ["–"] * len(cells):
                lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def targets(figures):
    """Return [(what, limit, found or None, unit)] of what this project holds itself to."""
    ours = figures["rows"][OURS]
    weights = figures["weights"]["124M"]
    peak = [run["memory"] for run in ours["at 1000"]]
    real = figures["vocabulary"] == "OpenAI's"
    start = median(found(figures, OURS, "short", "tokens")) if real else None
    spare = None if None in peak else (median(peak) - weights) / 1e6
    pairs = [
        ("whole command over transformers'", 0.12,
         ratio(figures, "transformers", "short", "whole")),
        ("whole command over CTranslate2's", 0.8, ratio(figures, "CTranslate2", "short", "whole")),
        ("decoding over the floor, 124M", 1.15, over_floor(figures, "124M")),
        ("decoding over transformers'", 0.6, ratio(figures, "transformers", "long", "token")),
        ("decoding over CTranslate2's", 1.0, ratio(figures, "CTranslate2", "long", "token")),
        ("1,000-token prompt over transformers'", 1.0,
         ratio(figures, "transformers", "at 1000", "first")),
        ("decoding over the floor, 355M", 1.2, over_floor(figures, "355M")),
        ("peak memory over transformers', 1,000-token prompt", 1.0,
         None if spare is None else ratio(figures, "transformers", "at 1000", "memory")),
    ]  # fmt: skip
    return [
        ("whole command, 10 + 8 tokens", 0.7, median(found(figures, OURS, "short", "whole")), " s"),
        ("from start to the `Tokens:` line, OpenAI's vocabulary", 0.35, start, " s"),
        ("peak memory beyond the weights, 1,000-token prompt", 150, spare, " MB"),
        *[(what, limit, value, "") for what, limit, value in pairs],
    ]  # fmt: skip


def verdicts(figures):
    """Return the table of the targets, met or missed."""
    lines = ["| target | at most | found | |", "|---|---|---|---|"]
    for what, limit, value, unit in targets(figures):
        digits = 0 if unit == " MB" else 2
        shown = "–" if value is None else f"{value:.{digits}f}{unit}"
        verdict = "not measured" if value is None else "met" if value <= limit else "**missed**"
        lines.append(f"| {what} | {limit:g}{unit} | {shown} | {verdict} |")
    return "\n".join(lines)


def origin(figures):
    """Return one sentence: what machine, what versions, how many rounds, when."""
    machine = figures["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, {versions}; "
        f"{figures['rounds']} interleaved rounds; random weights; "
        f"vocabulary {figures['vocabulary']}."
    )


def page(figures):
    """Return results/table.md."""
    return f"""\
# Results

Made by `python benchmarks/compare.py`; not to be edited. Median (least to most).
{origin(figures)}

## Side by side, GPT-2 124M

{table(figures)}

## The floor

One pass through all the weights that a token needs, by matrix-vector products alone, in the same
process and in turn with the tokens.

{floors(figures)}

## How cost grows

{growth(figures)}

![The same, drawn](light.svg)

## Targets

{verdicts(figures)}
"""


def readme(figures):
    """Return what README.md shows between its marks: float32 programs, fewer columns."""
    lines = [
        "| GPT-2 124M, float32 | whole command, 10 + 8 tokens | a token | 1,000-token prompt "
        "| peak memory |",
        "|---|---|---|---|---|",
    ]
    for name in figures["rows"]:
        if not is_float32(figures, name):
            continue
        runs = found(figures, name, "short", "whole")
        decode = found(figures, name, "long", "token") or found(figures, name, "short", "token")
        prompt = found(figures, name, "at 1000", "first")
        peak = found(figures, name, "at 1000", "memory")
        if same_ids(figures, name) != "same":
            name += " (other ids)"
        cells = [f"{median(runs):.2f} s"]
        cells.append(f"{1e3 * median(decode):.0f} ms")
        cells.append(f"{median(prompt):.1f} s" if prompt else "–")
        cells.append(f"{median(peak) / 1e6:,.0f} MB" if peak and None not in peak else "–")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    machine = figures["machine"]
    return "\n".join(
        [
            *lines,
            "",
            "Each program made each text in turn, and the table has the median of "
            f"{figures['rounds']} such rounds (of one, where a program has no cache), on "
            f"{machine['cores']} cores of an {machine['processor']}. The weights were random, "
            "which changes nothing about the speed. Making a token takes "
            f"{over_floor(figures, '124M'):.2f} times as long as its products of matrices alone.",
        ]
    )


def draw(figures, theme):
    """Write results/<theme>.svg: whole commands, decoding, and how both parts grow."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    paper, ink, line = INK[theme]
    style = {
        "figure.facecolor": paper, "axes.facecolor": paper, "savefig.facecolor": paper,
        "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": line, "axes.titlesize": 11,
        "xtick.color": ink, "ytick.color": ink, "grid.color": line, "axes.titlelocation": "left",
        "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": theme,
        "font.size": 9, "legend.frameon": False,
    }  # fmt: skip
    with pyplot.rc_context(style):
        shape, (bars, lines) = pyplot.subplots(2, 2, figsize=(9, 7), layout="constrained")
        exact = [name for name in figures["rows"] if is_float32(figures, name)]
        sides = [
            (bars[0], "Whole command, 10 + 8 tokens, s", "short", "whole", 1),
            (bars[1], "Decoding 200 tokens, ms a token", "long", "token", 1e3),
        ]
        for axes, title, what, figure, scale in sides:
            names = [name for name in exact if found(figures, name, "long", "token")][::-1]
            for name in names:
                values = [scale * value for value in found(figures, name, what, figure)]
                axes.barh(name, median(values), color=COLOURS[name], height=0.6)
                axes.plot([min(values), max(values)], [name, name], color=ink, lw=1)
                axes.text(max(values), name, f"  {median(values):.3g}", va="center", color=ink)
            axes.set_title(title)
            axes.margins(x=0.15)
        floor = 1e3 * median([turn["floor"] for turn in figures["floors"]["124M"]])
        bars[1].axvline(floor, color=ink, ls=":", lw=1)
        bars[1].text(floor, -0.75, " floor", va="center", color=ink)
        for axes, title, figure, scale in [
            (lines[0], "A prompt to its next token, s", "first", 1),
            (lines[1], "A token behind so many others, ms", "token", 1e3),
        ]:
            for name in exact:
                points = [
                    (int(what[3:]), scale * median(values))
                    for what in lengths(figures)
                    if (values := found(figures, name, what, figure))
                ]
                if points:
                    axes.plot(*zip(*points), "o-", ms=3, color=COLOURS[name], label=name)
            axes.set_title(title)
            axes.set_xlabel("tokens")
            axes.set_yscale("log")
            axes.grid(True, lw=0.5)
            axes.legend()
        shape.savefig(RESULTS / f"{theme}.svg", metadata={"Date": None})
        pyplot.close(shape)


def write(figures):
    """Write figures.json, table.md and both pictures to benchmarks/results; print the tables."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "figures.json").write_text(json.dumps(figures) + "\n", "utf-8")
    (RESULTS / "table.md").write_text(page(figures), "utf-8")
    for theme in INK:
        draw(figures, theme)
    print(page(figures))


if __name__ == "__main__":
    write(load())
