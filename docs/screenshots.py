"""Make the pictures of the walkthrough page in docs/: light, dark and narrow.

usage: python docs/screenshots.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import browser  # noqa: E402

PLACE = {"token": 0, "layer": 3, "head": 3}
# name: width and height in pixels, colour scheme, the line at which the page is shown
PICTURES = {
    "walkthrough-light": (1280, 800, "light", "attention_weights ="),
    "walkthrough-dark": (1280, 800, "dark", "attention_weights ="),
    "walkthrough-narrow": (390, 844, "light", "candidates ="),
}


def main():
    source = (ROOT / "easygpt2.py").read_text("utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder, browser.chromium() as chromium:
        page = Path(folder) / "walkthrough.html"
        command = [sys.executable, ROOT / "walkthrough.py", "Once upon a time"]
        options = ["--model", ROOT / "models" / "tales", "--out", page]
        subprocess.run([*command, *options], check=True)
        for name, (width, height, scheme, code) in PICTURES.items():
            line = next(n for n, text in enumerate(source, 1) if text.strip().startswith(code))
            place = "&".join(f"{loop}={round}" for loop, round in PLACE.items())
            tab = chromium.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            tab.goto(f"{page.as_uri()}#line={line}&{place}")
            tab.wait_for_selector(".now .value")
            tab.screenshot(path=ROOT / "docs" / f"{name}.png")
            tab.close()


if __name__ == "__main__":
    main()
