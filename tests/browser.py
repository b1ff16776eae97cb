"""A Chromium of this machine, by Playwright; never one that Playwright brings itself."""

import contextlib
import functools
import http.server
import shutil
import threading

NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
TOUCH = {"viewport": PHONE, "has_touch": True, "is_mobile": True}


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


@contextlib.contextmanager
def served(folder):
    """Serve a folder as `python -m http.server` does; give its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
