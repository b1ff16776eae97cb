"""A Chromium of this machine, by Playwright; never one that Playwright brings itself."""

import contextlib
import shutil

NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"]


def executable():
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def chromium():
    """Give a Playwright Browser. Raises RuntimeError where there is no Chromium."""
    import playwright.sync_api

    if executable() is None:
        raise RuntimeError("no Chromium; on Debian, type: apt install chromium")
    with playwright.sync_api.sync_playwright() as started:
        yield started.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
