"""The live page's server: for this machine alone, it runs the program and watches its file.

It listens on 127.0.0.1. What it answers has a secret in its address, comes to this very host and
port, and if it changes anything from this very page: another page in the same browser, or a name
that was bound to 127.0.0.1 later, gets 403 and starts nothing.
"""

import contextlib
import http.server
import json
import os
import re
import secrets
import select
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

from tools.live import run
from tools.page import json_of, page_of

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; sys.path[0] = sys.argv.pop(); from tools.live import child; child.main()"
SECONDS = 0.08  # between looks at the file
SILENCE = 4  # seconds after which a tab that does not ask any more is closed
PATIENCE = 1.5  # seconds that a file may be missing or empty while an editor saves it
GRACE = 1.5  # seconds that a process may take to end once it has closed its pipe
LONGEST = 4_000_000  # bytes of a request
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # the page has the rest in itself
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Runs:
    """The runs of a program, one at a time, each in a process that waits for it already."""

    def __init__(self):
        self.lock, self.running, self.is_closed = threading.Lock(), None, False
        self.spare = self._new()

    def _new(self):
        command = [sys.executable, "-c", START, str(ROOT)]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def begin(self, request, tab):
        """Return the run of this request; the one that goes on ends."""
        with self.lock:
            if self.running:
                self.running.end("replaced" if self.running.tab == tab else "elsewhere")
            ready = self.spare and self.spare.poll() is None
            one = self.running = Run(self.spare if ready else self._new(), tab)
            self.spare = None
        one.send(request)
        return one

    def over(self, one):
        """Note that a run has ended, and let a process wait for the next one."""
        one.end(None)
        one.process.wait()
        with self.lock:
            if self.running is one:
                self.running = None
            if self.spare is None and not self.is_closed:
                self.spare = self._new()

    def stop(self, tab):
        """End the run of a tab."""
        with self.lock:
            if self.running and self.running.tab == tab:
                self.running.end("stopped")

    def close(self):
        with self.lock:
            self.is_closed = True
            for process in filter(None, [self.spare, self.running and self.running.process]):
                end(process)
                process.wait()


def end(process):
    """End a process and all that it has begun, but for what has left its process group."""
    if not hasattr(os, "killpg"):
        return process.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all of it has ended already
        os.killpg(process.pid, signal.SIGKILL)


class Run:
    """A run that goes on. Its lines are JSON, as child.py tells them; the last says how it ends."""

    def __init__(self, process, tab):
        self.process, self.tab, self.why = process, tab, None

    def send(self, request):
        try:
            self.process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self.process.stdin.flush()
        except OSError:
            end(self.process)  # it has ended by itself; its lines say so

    def end(self, why):
        self.why = self.why or why
        end(self.process)

    def lines(self):
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                break  # it was ended within a line
            yield line
            if line.startswith(b'{"ended":'):
                return
        try:
            why = how_it_ended(self.process.wait(GRACE))
        except subprocess.TimeoutExpired:
            why = "The program has closed the pipe to this page, so it was ended"
        why = self.why or why
        yield json_of({"ended": why}).encode("ascii") + b"\n"


def how_it_ended(status):
    """Return a sentence on a process that has not told its end."""
    if status >= 0:
        return f"Python ended by itself, with status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    return f"Python was ended by {name}"


class Watch:
    """The program's file: its bytes as they were last saved, and the tabs that ask for them.

    Every tab asks anew, several times a second, what `state` returns. A browser keeps six
    connections to a server at most, so a connection that each tab holds would stop the seventh tab;
    and a tab that was not there for a while misses nothing.
    """

    def __init__(self, path):
        self.path, self.lock = Path(path), threading.Lock()
        self.n_saved, self.data, self.problem = 0, self.path.read_bytes(), None
        self.tabs = {}  # when each tab was heard last; the one that ran last is the last

    def source(self, errors="strict"):
        """Return the program's text. Raises ValueError if it is no text."""
        text = self.data.decode("utf-8-sig", errors)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def look(self):
        """Return what is in the file now, and what is wrong with it."""
        try:
            data = self.path.read_bytes()
        except OSError as error:  # an editor may be about to put another in its place
            return None, f"{self.path.name} cannot be read: {error.strerror}"
        return data, None if data.strip() else f"{self.path.name} is empty"

    def follow(self):
        """Look at the file for ever."""
        before, since = None, 0
        while True:
            time.sleep(SECONDS)
            found = self.look()
            if found != before:  # an editor may be at it
                before, since = found, time.monotonic()
                continue
            data, problem = found
            with self.lock:
                if problem and time.monotonic() - since > PATIENCE:
                    self.problem = problem
                elif not problem and (data != self.data or self.problem):
                    self.data, self.problem = data, None
                    self.n_saved += 1

    def state(self, tab):
        """Return how often the file was saved, and what is wrong with it now.

        `yours` says whether this tab shall run it: of those that still ask, the one that ran last.
        """
        with self.lock:
            now = time.monotonic()
            if tab in self.tabs:
                self.tabs[tab] = now
            else:  # it may have been silent for long, and another tab has run since
                self.tabs = {tab: now} | self.tabs
            for other in [other for other in self.tabs if now - self.tabs[other] > SILENCE]:
                del self.tabs[other]
            yours = tab == next(reversed(self.tabs))
            return {"saved": self.n_saved, "problem": self.problem, "yours": yours}

    def ran(self, tab):
        """Note that a tab runs the file. Returns how often it was saved until now."""
        with self.lock:
            self.tabs.pop(tab, None)
            self.tabs[tab] = time.monotonic()
            return self.n_saved


class Server(http.server.ThreadingHTTPServer):
    """Serves the page of `script`, with what it shall ask for first. Raises OSError."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would take a port that is in use

    def __init__(self, script, request, port=0):
        self.runs = None  # until the port is ours
        super().__init__(("127.0.0.1", port), Handler)
        self.script, self.request = script, request
        self.secret = secrets.token_urlsafe(16)
        self.host = f"127.0.0.1:{self.server_port}".removesuffix(":80")  # as browsers name it
        self.url = f"http://{self.host}/{self.secret}/"
        self.watch, self.runs = Watch(script), Runs()
        threading.Thread(target=self.watch.follow, daemon=True).start()

    def server_bind(self):
        """Take the port, and ask nobody for this machine's name: that may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def page(self):
        """Return the page, with the program's lines and no run yet."""
        source = self.watch.source("replace")
        recorded, slip = run.recorder_of(self.script, source)
        if slip:
            recorded.source, recorded.error = source, slip
        return page_of(recorded, "served", self.request)

    def server_close(self):
        super().server_close()
        if self.runs:
            self.runs.close()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # the browser has gone
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    server_version, sys_version, timeout = "EasyGPT2", "", 60

    def log_message(self, *arguments):
        pass

    def may(self):
        """Answer 403 and return False, unless the request comes from this server's own page."""
        secret, _, what = urllib.parse.urlsplit(self.path).path[1:].partition("/")
        good = secrets.compare_digest(secret.encode(), self.server.secret.encode())
        good = good and self.headers.get_all("Host") == [self.server.host]
        is_read = self.command == "GET"
        allowed = [f"http://{self.server.host}", *([None] if is_read else [])]
        good = good and all(origin in allowed for origin in self.given("Origin"))
        if not (is_read and not what):  # a link to the page may stand anywhere
            allowed = ["same-origin", "none", None]  # as not every browser says
            good = good and all(site in allowed for site in self.given("Sec-Fetch-Site"))
        if not good:
            self.answer(403, "text/plain", b"403: only the page's own address leads here\n")
        return good

    def given(self, name):
        """Return all that the request says by this name, which may be [None]."""
        return self.headers.get_all(name, [None])

    def answer(self, status, kind, data=b""):
        self.send_response(status)
        self.head(kind, {"Content-Length": str(len(data))})
        self.wfile.write(data)

    def head(self, kind, more=None):
        headers = HEADERS | {"Content-Type": f"{kind}; charset=utf-8"} | (more or {})
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self):
        if not self.may():
            return
        parts = urllib.parse.urlsplit(self.path)
        what = parts.path.split("/", 2)[2:]
        if what == [""]:
            self.answer(200, "text/html", self.server.page())
        elif what == ["models"]:
            self.answer(200, "application/json", json_of(models()).encode())
        elif what == ["saved"]:
            state = self.server.watch.state(parts.query)
            self.answer(200, "application/json", json_of(state).encode())
        else:
            self.answer(404, "text/plain", b"404\n")

    def do_POST(self):
        if not self.may():
            return
        refused = self.refused_length()
        if refused:
            return self.refuse(refused)
        length = int(self.headers["Content-Length"])
        parts = urllib.parse.urlsplit(self.path)
        what, data = parts.path.split("/", 2)[2:], self.rfile.read(length)
        if len(data) < length:
            self.answer(400, "text/plain", b"400: the request was cut\n")
        elif what == ["stop"]:
            self.server.runs.stop(parts.query)
            self.answer(204, "text/plain")
        elif what == ["run"]:
            try:
                request = json.loads(data)
            except (ValueError, RecursionError):
                request = None
            known = {"prompt", *run.OPTIONS}
            good = isinstance(request, dict) and known.issuperset(request)
            good = good and all(isinstance(text, str) for text in request.values())
            if good:
                self.run(request, parts.query)
            else:
                self.answer(400, "text/plain", b"400: this is no request for a run\n")
        else:
            self.answer(404, "text/plain", b"404\n")

    def refused_length(self):
        """Return the status by which a body is refused, or None: its length must be given, once."""
        lengths = self.given("Content-Length")
        if "Transfer-Encoding" in self.headers or lengths == [None]:
            return 411
        if len(lengths) > 1 or not re.fullmatch("[0-9]+", lengths[0]):
            return 400
        return 413 if len(lengths[0]) > len(str(LONGEST)) or int(lengths[0]) > LONGEST else None

    def refuse(self, status):
        """Refuse a body, and read it nevertheless: the rest of it would cut the answer off."""
        why = {413: f"the prompt is too long: {LONGEST:,} bytes are the most; use a shorter one"}
        words = why.get(status, "the length of the request must be given, once")
        self.answer(status, "text/plain", f"{status}: {words}\n".encode())
        self.connection.shutdown(socket.SHUT_WR)
        while self.rfile.read1(65536):
            pass

    def run(self, request, tab):
        """Run the program, and answer with all that it tells, a line for each."""
        watch, runs = self.server.watch, self.server.runs
        self.send_response(200)
        self.head("application/x-ndjson")
        self.wfile.write(json_of({"began": watch.ran(tab)}).encode() + b"\n")
        try:
            source = watch.source()
        except ValueError as error:
            name = Path(self.server.script).name
            self.wfile.write(json_of({"refused": f"{name} is no UTF-8: {error}"}).encode() + b"\n")
            self.wfile.write(b'{"ended":"done"}\n')
            return
        one = runs.begin(request | {"source": source, "path": self.server.script}, tab)
        is_over = threading.Event()
        looks = threading.Thread(target=self.end_with_client, args=(one, is_over), daemon=True)
        looks.start()
        try:
            for line in one.lines():
                self.wfile.write(line)
        except OSError:
            pass  # nobody reads on
        finally:
            is_over.set()
            looks.join()
            runs.over(one)

    def end_with_client(self, one, is_over):
        """End a run once its page is closed, which a run that tells nothing would never notice.

        The whole request was read, so all that can still come is the end of the connection.
        """
        while not is_over.wait(1):
            if select.select([self.connection], [], [], 0)[0]:
                return one.end("stopped")


def models():
    """Return the names of the folders in models/ that hold a model."""
    return sorted(path.parent.name for path in ROOT.glob("models/*/config.json"))
