"""Make the pictures of the walkthrough page in docs/; with FOLDER, all of them there, to look at.

usage: python docs/screenshots.py [FOLDER]

README shows the live page. FOLDER gets the first screen, step 12, the open grid, step 13 and a
value, each at three widths, light and dark.
"""

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import browser  # noqa: E402

LESSON = ["There was once a tinker called Korbel. One day the king said to Kor", "--tokens", "2"]
SIZES = {1280: 900, 1920: 1080, 390: 844}
PHONE = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
# name: the code of the line in hand, if one is, what else the address says, the line that is on top
WEIGHTS, LOOP = "attention_weights = ", "n_seen = n_past"
VIEWS = {
    "first": (None, "", None),
    "step-12": (WEIGHTS, "&round=1&layer=5&head=4", "while True:  #"),
    "grid": (WEIGHTS, "&round=3&layer=3&head=1&follow=3&cell=3.2", LOOP),
    "step-13": ("logits = ", "&round=2", "# Step 13."),
    "value": ("residual = residual + linear(bent", "&round=1&layer=1&cell=2.17", LOOP),
}
# What README shows, of the live page: prompt, width and height, colour scheme, view
README = {
    "walkthrough-light": (LESSON, 1280, 800, "light", "#round=1&layer=4&head=0&follow=20"),
    "walkthrough-dark": (LESSON, 1280, 800, "dark", "#round=1&layer=4&head=0&follow=20"),
    "walkthrough-narrow": (["Once upon a time"], 390, 844, "light", ""),
}
COMMAND = [sys.executable, ROOT / "walkthrough.py", "--model", "tales"]


def main():
    with tempfile.TemporaryDirectory() as folder, browser.chromium() as chromium:
        if len(sys.argv) > 1:
            every_view(chromium, page_of(["Once upon a time"], folder), Path(sys.argv[1]))
            return
        for name, (prompt, width, height, scheme, hash) in README.items():
            out = ROOT / "docs" / f"{name}.png"
            with live(prompt) as url:
                picture(chromium, url, hash, width, height, scheme, out)


def page_of(prompt, folder):
    """Write the page of this prompt, and return its address."""
    page = Path(folder) / "walkthrough.html"
    subprocess.run([*COMMAND, *prompt, "--out", page], check=True)
    return page.as_uri()


@contextlib.contextmanager
def live(prompt):
    """Serve the live page of this prompt, and give its address."""
    command = [*COMMAND, "--live", *prompt]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        yield server.stdout.readline().split()[1]
    finally:
        server.terminate()
        server.wait()


def every_view(chromium, page, folder):
    folder.mkdir(parents=True, exist_ok=True)
    source = (ROOT / "easygpt2.py").read_text("utf-8").splitlines()
    for name, (code, more, top) in VIEWS.items():
        hash = f"#line={line_of(source, code)}{more}" if code else ""
        for width, height in SIZES.items():
            for scheme in ("light", "dark"):
                out = folder / f"{name}-{width}-{scheme}.png"
                above = line_of(source, top) if top else None
                picture(chromium, page, hash, width, height, scheme, out, above)


def line_of(source, code):
    return next(n for n, text in enumerate(source, 1) if text.strip().startswith(code))


def picture(chromium, page, hash, width, height, scheme, out, top=None):
    """Write a picture of the page; `top` is the line that it begins with."""
    more = PHONE if width < 500 else {}
    tab = chromium.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, **more
    )
    tab.goto(page + hash)
    while not tab.evaluate("nEvents && rows.every((row) => row.state !== null)"):
        tab.wait_for_timeout(20)
    if top:
        tab.evaluate(
            f"""() => {{
              const before = [...document.querySelectorAll("#lines .gutter")];
              before.findLast((one) => parseInt(one.textContent) <= {top}).scrollIntoView();
              if (innerWidth < 500) openPane(true);
            }}"""
        )
    tab.wait_for_timeout(300)
    tab.screenshot(path=out)
    tab.close()


if __name__ == "__main__":
    main()
