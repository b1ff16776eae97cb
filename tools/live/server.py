"""The live page's server: for this machine alone, it runs the program and watches its file.

It listens on 127.0.0.1. What it answers has a secret in its address, comes to this very host and
port, and if it changes anything from this very page: another page in the same browser, or a name
that was bound to 127.0.0.1 later, gets 403 and starts nothing.
"""

import http.server
import json
import os
import queue
import secrets
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
PATIENCE = 1.5  # seconds that a file may be missing or empty while an editor saves it
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
        self.lock, self.running, self.spare = threading.Lock(), None, self._new()

    def _new(self):
        command = [sys.executable, "-c", START, str(ROOT)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def begin(self, request, tab):
        """Return the run of this request; the one that goes on ends."""
        with self.lock:
            if self.running:
                self.running.end("replaced" if self.running.tab == tab else "elsewhere")
            ready = self.spare and self.spare.poll() is None
            self.running = Run(self.spare if ready else self._new(), tab)
            self.spare = None
            self.running.send(request)
            return self.running

    def over(self, one):
        """Note that a run has ended, and let a process wait for the next one."""
        one.end(None)
        with self.lock:
            if self.running is one:
                self.running = None
            if self.spare is None:
                self.spare = self._new()

    def stop(self, tab):
        """End the run of a tab."""
        with self.lock:
            if self.running and self.running.tab == tab:
                self.running.end("stopped")

    def close(self):
        with self.lock:
            for process in filter(None, [self.spare, self.running and self.running.process]):
                process.kill()
                process.wait()


class Run:
    """A run that goes on. Its lines are JSON, as run.py tells them; the last says how it ended."""

    def __init__(self, process, tab):
        self.process, self.tab, self.why = process, tab, None

    def send(self, request):
        try:
            self.process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self.process.stdin.flush()
        except OSError:
            self.process.kill()  # it has ended by itself; its lines say so

    def end(self, why):
        self.why = self.why or why
        self.process.kill()

    def lines(self):
        done = False
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                break  # it was ended within a line
            done = line.startswith(b'{"done":')
            yield line
        status = self.process.wait()
        why = "done" if done else self.why or f"Python ended by itself, with status {status}"
        yield json_of({"ended": why}).encode("ascii") + b"\n"


class Watch:
    """The program's file: its bytes as they were last saved, and the tabs that wait for others."""

    def __init__(self, path):
        self.path, self.lock, self.tabs = Path(path), threading.Lock(), {}
        self.data, self.problem = self.path.read_bytes(), None

    def source(self, errors="strict"):
        """Return the program's text. Raises ValueError if it is no text."""
        text = self.data.decode("utf-8-sig", errors)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def look(self):
        """Return what is in the file now, and what is wrong with it."""
        try:
            data = self.path.read_bytes()
        except OSError as error:  # an editor may be about to put another in its place
            return None, f"cannot be read: {error.strerror}"
        return data, None if data.strip() else "is empty"

    def follow(self):
        """Look at the file for ever, and tell the tabs when it is another."""
        before, since = None, 0
        while True:
            time.sleep(SECONDS)
            found = self.look()
            if found != before:  # an editor may be at it
                before, since = found, time.monotonic()
                continue
            data, problem = found
            if problem and problem != self.problem and time.monotonic() - since > PATIENCE:
                self.problem = problem
                self.tell({"problem": f"{self.path.name} {problem}"})
            elif not problem and (data != self.data or self.problem):
                self.data, self.problem = data, None
                self.tell({})

    def tell(self, message):
        """Tell every tab; the one that ran last, and it alone, is to run again."""
        with self.lock:
            for tab, messages in self.tabs.items():
                messages.put(message | {"yours": tab == next(reversed(self.tabs))})

    def join(self, tab):
        messages = queue.Queue()
        with self.lock:
            self.tabs[tab] = messages
        return messages

    def leave(self, tab, messages):
        with self.lock:
            if self.tabs.get(tab) is messages:
                del self.tabs[tab]

    def ran(self, tab):
        with self.lock:
            if tab in self.tabs:
                self.tabs[tab] = self.tabs.pop(tab)


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
        origin = self.headers.get("Origin")
        secret = urllib.parse.urlsplit(self.path).path.split("/")[1:2]
        known = secrets.compare_digest("".join(secret).encode(), self.server.secret.encode())
        good = known and self.headers.get_all("Host") == [self.server.host]
        good = good and origin in ([None] if self.command == "GET" else []) + [
            f"http://{self.server.host}"
        ]
        if not good:
            self.answer(403, "text/plain", b"403: only the page's own address leads here\n")
        return good

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
            self.tell_saved(parts.query)
        else:
            self.answer(404, "text/plain", b"404\n")

    def tell_saved(self, tab):
        """Tell a tab, as server-sent events, when the file is saved, as long as the tab is open."""
        self.send_response(200)
        self.head("text/event-stream")
        messages = self.server.watch.join(tab)
        try:
            while True:
                try:
                    data = f"data: {json_of(messages.get(timeout=5))}\n\n"
                except queue.Empty:
                    data = ": still there\n\n"
                self.wfile.write(data.encode())
        except OSError:
            pass
        finally:
            self.server.watch.leave(tab, messages)

    def do_POST(self):
        if not self.may():
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            return self.answer(413, "text/plain", b"413\n")
        parts = urllib.parse.urlsplit(self.path)
        what, data = parts.path.split("/", 2)[2:], self.rfile.read(int(length))
        if what == ["stop"]:
            self.server.runs.stop(parts.query)
            self.answer(204, "text/plain")
        elif what == ["run"]:
            try:
                request = json.loads(data)
            except ValueError:
                request = None
            known = {"prompt", *run.OPTIONS}
            good = isinstance(request, dict) and known.issuperset(request)
            good = good and all(isinstance(text, str) for text in request.values())
            if good:
                self.run(request, parts.query)
            else:
                self.answer(400, "text/plain", b"400\n")
        else:
            self.answer(404, "text/plain", b"404\n")

    def run(self, request, tab):
        """Run the program, and answer with all that it tells, a line for each."""
        watch, runs = self.server.watch, self.server.runs
        self.send_response(200)
        self.head("application/x-ndjson")
        name = Path(self.server.script).name
        try:
            source = watch.source()
        except ValueError as error:
            self.wfile.write(json_of({"refused": f"{name} is no UTF-8: {error}"}).encode() + b"\n")
            self.wfile.write(b'{"ended":"done"}\n')
            return
        watch.ran(tab)
        one = runs.begin(request | {"source": source, "path": self.server.script}, tab)
        try:
            for line in one.lines():
                self.wfile.write(line)
        except OSError:
            pass  # nobody reads on
        finally:
            runs.over(one)


def models():
    """Return the names of the folders in models/ that hold a model."""
    return sorted(path.parent.name for path in ROOT.glob("models/*/config.json"))
