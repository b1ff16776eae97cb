"""A Hugging Face hub on loopback: `resolve` redirects to a file store on another host name.

The protocol is that of https://huggingface.co as of 2026: HEAD or GET of
/REPO/resolve/REVISION/FILE answers with X-Repo-Commit and, for a large file, 302 to a signed
address elsewhere, X-Linked-ETag (its sha256) and X-Linked-Size; for a small one, 307 to an
address below /api and an ETag that is git's name of its content. The store knows Range.
"""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub(ThreadingHTTPServer):
    """Serves {"REPO/REVISION/FILE": bytes}; what goes wrong, and what was asked, is public."""

    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.stated = {}  # {path: sha256 that is stated instead of the true one}
        self.cut_at = None  # the store closes the connection of a large file here, once
        self.hold_at = None  # the store waits here, in a large file
        self.broken = False  # the store answers 503
        self.no_ranges = False  # the store ignores Range
        self.instead = None  # what the store sends in place of a large file
        self.no_etags = False  # of small files, as some mirrors
        self.host = "localhost"  # of the store
        self.held = threading.Event()
        self.requests = []  # (method, path, Range, Authorization)
        threading.Thread(target=self.serve_forever, args=[0.01], daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def store(self):
        return f"http://{self.host}:{self.server_port}/store/"

    def asked(self, file, method="GET"):
        """The Range headers of the requests to the store for files of this name."""
        return [
            range
            for how, path, range, _ in self.requests
            if how == method and "resolve/" not in path and path.endswith(f"/{file}")
        ]

    def handle_error(self, request, client_address):
        pass  # a client that is killed breaks the connection


def git_etag(content):
    """Return the ETag of a small file: what git calls its content."""
    git = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    return f'"{git}"'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, headers=None, body=b""):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")  # for pages, as the real one says
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        asked = (self.command, self.path, self.headers["Range"], self.headers["Authorization"])
        if "resolve" not in self.path and not self.path.startswith("/store/"):
            return self.answer(404)  # what else the library may want to know of a hub
        self.server.requests.append(asked)
        if "/resolve/" in self.path:
            self.resolve()
        else:
            self.send_file()

    do_HEAD = do_GET

    def resolve(self):
        hub = self.server
        repo, _, rest = self.path[1:].partition("/resolve/")
        revision, _, file = rest.partition("/")
        path = f"{repo}/{revision}/{file}"
        content = hub.files.get(path)
        if content is None:
            headers = {"X-Repo-Commit": revision, "X-Error-Code": "EntryNotFound"}
            return self.answer(404, headers, b"Entry not found")
        if file.endswith(".safetensors"):
            sha256 = hub.stated.get(path) or hashlib.sha256(content).hexdigest()
            headers = {
                "X-Repo-Commit": revision,
                "X-Linked-ETag": f'"{sha256}"',
                "X-Linked-Size": str(len(content)),
                "X-Xet-Hash": "0" * 64,
                "Location": f"{hub.store}{path}",
            }
            return self.answer(302, headers)
        headers = {
            "X-Repo-Commit": revision,
            "ETag": git_etag(content),
            "Location": f"/api/resolve-cache/models/{path}",
        }
        if hub.no_etags:
            del headers["ETag"]
        self.answer(307, headers)

    def send_file(self):
        hub = self.server
        path = self.path.removeprefix("/store/").removeprefix("/api/resolve-cache/models/")
        content = hub.files[path]
        large = path.endswith(".safetensors")
        if large and hub.broken:
            return self.answer(503)
        if large and hub.instead:
            return self.answer(200, {}, hub.instead)
        headers = {"X-Repo-Commit": path.split("/")[2]}
        if large or not hub.no_etags:
            headers["ETag"] = git_etag(content)
        begin, status = 0, 200
        if self.headers["Range"] and not hub.no_ranges:
            begin, status = int(self.headers["Range"][6:].partition("-")[0]), 206
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        headers["Content-Length"] = str(len(content) - begin)
        stop = len(content)
        if large and self.command == "GET":
            if hub.cut_at:
                stop, hub.cut_at, hub.broken = hub.cut_at, None, True
            if hub.hold_at:
                stop = hub.hold_at
        self.answer(status, headers, content[begin:stop])
        if stop < len(content):
            self.wfile.flush()
            if hub.hold_at:
                hub.held.set()
                self.rfile.read(1)  # until the client goes away
            self.close_connection = True
