"""The live page, walkthrough.py --live: by a real browser against the real server, and without."""

import errno
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import harness
import walkthrough
from browser import DESK, TOUCH
from tools.live import server as live

PROMPT = "The old king"
HOSTILE = (
    "</textarea></script><img src=x onerror=alert(1)>\"'&amp;<!--<script>{{ 7*7 }} "
    "👩\u200d👩\u200d👧 שלום \u202ead\u202c\u2066x\u2069 \u200b\x01\x1b\x7f\n\ttab\u2028end "
)
LINES = harness.SOURCE.splitlines()
SLOW = ("    n_past = n_seen\n", "    n_past = n_seen; __import__('time').sleep(0.2)\n")


def line_of(code, lines=LINES):
    """The number of the first line that begins with this code."""
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(code))


WEIGHTS = line_of("attention_weights = ")


class Live:
    """A server that runs, and the file that it runs."""

    def __init__(self, folder, *arguments, edit=("", "")):
        self.file = harness.house(folder) / "easygpt2.py"
        self.save(*edit)
        command = [sys.executable, "walkthrough.py", "--live", *arguments]
        if not any(argument.startswith("--model") for argument in arguments):
            command += ["--model", str(harness.TALES)]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )
        said = self.process.stdout.readline()
        assert said.startswith("Live: http://127.0.0.1:"), self.process.stderr.read()
        self.url = said.split()[1]

    def save(self, old="", new=""):
        """Save the program, of which a part is another, as an editor does."""
        assert old in harness.SOURCE
        text = harness.SOURCE.replace(old, new, 1) if old else harness.SOURCE
        staged = self.file.with_name("easygpt2.py~")
        staged.write_text(text, "utf-8")
        os.replace(staged, self.file)
        return text

    def ask(self, code="", tab="tab", **request):
        """Save the program with this code behind it, run it, and give the lines of the answer."""
        if code:
            before, text = self.n_saved(tab), f"{harness.SOURCE}{code}\n"
            is_another = text != self.file.read_text("utf-8")
            self.file.write_text(text, "utf-8")
            latest = time.monotonic() + 60
            while is_another and self.n_saved(tab) == before:  # a busy machine takes its time
                assert time.monotonic() < latest, "the server has not seen the saved file"
                time.sleep(0.05)
        asked = {"prompt": PROMPT, "model": str(harness.TALES), "tokens": "1"} | request
        try:
            for line in self.respond("POST", f"run?{tab}", json.dumps(asked), timeout=240):
                yield json.loads(line)
        except TimeoutError:
            pytest.fail(f"no answer for four minutes, and this is who waits:\n{self.threads()}")

    def n_saved(self, tab):
        """Return how often the server has seen the file saved."""
        return json.load(self.respond("GET", f"saved?{tab}"))["saved"]

    def stop(self, tab="tab"):
        assert self.respond("POST", f"stop?{tab}").status == 204

    def respond(self, method, what, body="", timeout=60):
        """Return the server's response to a request, as the page sends it."""
        host = self.url.split("/")[2]
        connection = http.client.HTTPConnection(host, timeout=timeout)
        connection.request(method, self.url + what, body, {"Origin": f"http://{host}"})
        return connection.getresponse()

    def threads(self):
        """Say what each thread of the server and of its children does, where ps knows that."""
        pid = str(self.process.pid)
        ps = ["ps", "-L", "-o", "pid,tid,stat,time,wchan:30,args", "-p", pid, "--ppid", pid]
        return subprocess.run(ps, capture_output=True, text=True).stdout

    def children(self):
        ps = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
        )
        rows = [line.split() for line in ps.stdout.splitlines()]
        return [pid for pid, parent, stat in rows if parent == str(self.process.pid)]

    def end(self):
        self.process.terminate()
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def serve(tmp_path):
    """A function that starts the live page's server on a copy of the house."""
    started = []

    def start(*arguments, **options):
        started.append(Live(tmp_path / f"house{len(started)}", *arguments, **options))
        return started[-1]

    (tmp_path / "house0").mkdir()
    yield start
    for one in started:
        if one.process.poll() is None:
            one.end()


@pytest.fixture
def visit(browser):
    """A function that opens a live page, and waits for its first run."""
    contexts, problems = [], []

    def open_page(url, hash="", wait=True, **options):
        contexts.append(browser.new_context(**{"viewport": DESK} | options))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda box: (problems.append(box.message), box.dismiss()))
        page.goto(url + hash)
        if wait:
            ran(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in problems if "ERR_" not in text] == []  # of a server that has ended


def until(page, condition, seconds=60):
    """Wait until JavaScript says so; the page's policy forbids Playwright's own way."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def ran(page):
    until(page, "nEvents > 0 && !isRunning && rows.every((row) => row.state !== null)")


def run(page):
    """Press Run, and wait for the end of the run."""
    turn = page.evaluate("turn")
    page.get_by_role("button", name="Run", exact=True).click()
    until(page, f"turn > {turn}")
    ran(page)


def saved(page, act):
    """Do what saves the program, and wait until the page has run it again."""
    turn = page.evaluate("turn")
    act()
    until(page, f"turn > {turn}")
    ran(page)


def told(page):
    return page.locator("#run-told").inner_text()


# -- without a browser: who may use it


@pytest.fixture
def server(monkeypatch):
    """A server in this process, and what it was asked to run."""
    asked = []

    class Nothing:
        def __init__(self):
            pass

        def begin(self, request, tab):
            asked.append(request)
            raise OSError

        def stop(self, tab):
            asked.append("stop")

        def close(self):
            pass

    monkeypatch.setattr(live, "Runs", Nothing)
    with live.Server(str(harness.PROGRAM), {"prompt": ""}) as one:
        one.asked = asked
        thread = threading.Thread(target=one.serve_forever, daemon=True)
        thread.start()
        yield one
        one.shutdown()


def ask(server, method, path, host=None, origin=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    headers = {"Host": host or f"127.0.0.1:{server.server_port}"}
    headers |= {"Origin": origin} if origin else {}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


OWN = {
    "path": "/{secret}/{what}",
    "host": "127.0.0.1:{port}",
    "origin": "http://127.0.0.1:{port}",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "/"},
        {"path": "/{what}"},
        {"path": "/{secret}x/{what}"},
        {"path": "/x/{secret}/{what}"},
        {"path": "/x{secret}/{what}"},
        {"path": "/\xe9/{what}"},
        {"path": "/%00/{what}?/{secret}/"},
        {"host": "localhost:{port}"},
        {"host": "rebound.example:{port}"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:1"},
        {"host": "127.0.0.1.:{port}"},
        {"host": "127.0.0.1.example:{port}"},
        {"host": "[::1]:{port}"},
        {"host": "0.0.0.0:{port}"},
        {"host": ""},
        {"host": None},
        {"host": ["127.0.0.1:{port}"] * 2},
        {"host": ["127.0.0.1:{port}", "rebound.example"]},
        {"origin": "http://rebound.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://localhost:{port}"},
        {"origin": "https://127.0.0.1:{port}"},
        {"origin": "null"},
        {"origin": ["http://127.0.0.1:{port}", "null"]},
        {"site": "cross-site"},
        {"site": "same-site"},
    ],
    ids=str,
)
def test_others_get_403_and_start_nothing(server, wrong):
    for method, what in [("GET", ""), ("GET", "saved"), ("POST", "run"), ("POST", "stop")]:
        if "site" in wrong and not what:
            continue  # anybody may have a link to the page
        status, data = ask_raw(server, method, what, b'{"prompt":"x"}', **wrong)
        assert status == 403 and server.secret.encode() not in data
    assert server.asked == []


@pytest.mark.parametrize(
    "method, length, body, status",
    [
        ("POST", [], b"", 411),
        ("POST", ["-1"], b"{}", 400),
        ("POST", ["+2"], b"{}", 400),
        ("POST", ["2.0"], b"{}", 400),
        ("POST", ["two"], b"{}", 400),
        ("POST", [""], b"{}", 400),
        ("POST", ["\xb2"], b"{}", 400),
        ("POST", ["2", "2"], b"{}", 400),
        ("POST", ["9" * 5000], b"{}", 413),
        ("POST", ["4000001"], b"{}", 413),
        ("POST", ["200"], b'{"prompt":"x"}', 400),
        ("POST", ["200000"], b"[" * 200_000, 400),
        ("PUT", ["14"], b'{"prompt":"x"}', 501),
        ("OPTIONS", [], b"", 501),
        ("GET", [], b"", 404),
    ],
)
def test_a_request_that_is_none_starts_nothing(server, method, length, body, status):
    chunked = [("Transfer-Encoding", "chunked")]
    lengths = [("Content-Length", one) for one in length]
    assert ask_raw(server, method, "run", body, lengths)[0] == status
    if method == "POST":
        body = b"e\r\n" + b'{"prompt":"x"}' + b"\r\n0\r\n\r\n"
        assert ask_raw(server, "POST", "run", body, lengths + chunked)[0] == 411
    assert server.asked == []


def test_whoever_sends_too_much_can_read_why_it_is_refused(server):
    own = f"http://127.0.0.1:{server.server_port}"
    asked = {"origin": own, "body": b"x" * (live.LONGEST + 1_000_000)}
    status, _, data = ask(server, "POST", f"/{server.secret}/run?tab", **asked)
    assert status == 413 and data.startswith(b"413: the prompt is too long")


def test_a_slow_request_holds_nobody(server):
    own = f"http://127.0.0.1:{server.server_port}"
    with socket.create_connection(("127.0.0.1", server.server_port)) as slow:
        head = f"POST /{server.secret}/run HTTP/1.1\r\nHost: {own[7:]}\r\nOrigin: {own}\r\n"
        slow.sendall(f"{head}Content-Length: 999\r\n\r\n{{".encode())
        for _ in range(2):
            ask(server, "POST", f"/{server.secret}/run?tab", origin=own, body=b'{"prompt":"x"}')
        assert ask(server, "GET", f"/{server.secret}/saved?tab")[0] == 200
    assert len(server.asked) == 2


def ask_raw(server, method, what, body, more=None, site=None, **wrong):
    """Ask by hand, as no client would; return the status and all that came."""
    known = {"secret": server.secret, "port": server.server_port, "what": what}
    asked = OWN | wrong
    headers = [("Content-Length", str(len(body)))] if more is None else more
    for name in ("host", "origin"):
        given = asked[name] if isinstance(asked[name], list) else [asked[name]]
        headers = headers + [(name.title(), one) for one in given if one is not None]
    headers = headers + ([("Sec-Fetch-Site", site)] if site else [])
    lines = [f"{method} {asked['path']} HTTP/1.1", *[f"{name}: {one}" for name, one in headers]]
    text = "\r\n".join(lines).format(**known) + "\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(text.encode("latin-1") + body)
        connection.shutdown(socket.SHUT_WR)
        data = b""
        try:
            while piece := connection.recv(65536):
                data += piece
        except ConnectionResetError:  # what it has not read
            pass
    return int(data.split(b" ", 2)[1]), data


def test_the_page_alone_may_run_it(server):
    own = f"http://127.0.0.1:{server.server_port}"
    path, body = f"/{server.secret}/run?tab", b'{"prompt":"x"}'
    assert ask(server, "POST", path, body=body)[0] == 403  # a browser always names the origin
    for wrong in (b"", b"[]", b"{", b'{"prompt":1}', b'{"path":"/etc/passwd"}'):
        assert ask(server, "POST", path, origin=own, body=wrong)[0] == 400
    assert server.asked == []
    ask(server, "POST", path, origin=own, body=body)
    assert [request["prompt"] for request in server.asked] == ["x"]
    status, headers, page = ask(server, "GET", f"/{server.secret}/")
    assert status == 200 and b"connect-src 'self'" in page and b"unsafe" not in page
    assert headers["Cache-Control"] == "no-store" and headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_a_tab_that_was_silent_does_not_take_over_the_run_of_another(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    watch = live.Watch(harness.PROGRAM)
    yours = lambda tab: watch.state(tab)["yours"]  # noqa: E731
    watch.ran("silent")
    watch.ran("runs")
    now[0] = live.SILENCE + 1
    assert yours("runs") and not yours("silent") and yours("runs")
    watch.ran("silent")
    assert yours("silent") and not yours("runs")
    now[0] *= 3
    assert yours("runs")  # nobody else is there any more


def test_a_port_in_use_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        program = harness.ROOT / "walkthrough.py"
        done = harness.command("--live", "--port", port, program=program)
    assert done.returncode == 1 and done.stdout == ""
    said = f"walkthrough.py: port {port} is in use; type: python walkthrough.py --live\n"
    assert done.stderr == said


def test_a_port_that_needs_administrator_rights_is_one_line(monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(walkthrough, "Server", refuse)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    done = harness.command_here("walkthrough.py", walkthrough.main, "--live", "--port", "80")
    said = "port 80 needs administrator rights; type: python walkthrough.py --live\n"
    assert done.returncode == 1 and done.stderr == f"walkthrough.py: {said}"


NEEDS_PS = pytest.mark.skipif(
    os.name == "nt" or not shutil.which("ps"), reason="sees by ps which processes there are"
)


@NEEDS_PS
@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_the_server_ends_and_so_does_all_that_it_began(serve, sent):
    one = serve(edit=(SLOW[0], SLOW[1].replace("0.2", "100")))  # and it says nothing meanwhile
    connection = http.client.HTTPConnection(one.url.split("/")[2], timeout=60)
    headers = {"Origin": "http://" + one.url.split("/")[2]}
    path = f"/{one.url.split('/')[3]}/run?tab"
    asked = {"prompt": PROMPT, "model": str(harness.TALES)}
    connection.request("POST", path, json.dumps(asked), headers)
    answer = connection.getresponse()
    while b'"ids"' not in answer.readline():
        pass
    time.sleep(0.5)
    children = one.children()
    assert children
    one.process.send_signal(getattr(signal, sent))
    out, err = one.process.communicate(timeout=60)
    assert out == ""
    if sent == "SIGINT":
        assert one.process.returncode == 130 and re.fullmatch(
            "walkthrough.py: stopped; type: python walkthrough.py --live .*\n", err
        )
    for pid in children:
        gone(pid)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
@pytest.mark.parametrize("is_ignored", [False, True])
def test_a_closed_terminal_ends_the_server_unless_nohup_began_it(serve, is_ignored):
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
    try:
        one = serve()
    finally:
        signal.signal(signal.SIGHUP, handler)
    one.process.send_signal(signal.SIGHUP)
    if is_ignored:
        assert list(one.ask())[-1] == {"ended": "done"}
    else:
        one.process.communicate(timeout=60)
        assert one.process.returncode == 130


def alive(pid):
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout
    return state.strip()[:1] not in ("", "Z")


BEGINS = """
import subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(90)"
begun = subprocess.Popen([sys.executable, "-c", deaf])
open("begun", "w").write(str(begun.pid))
print("begun", file=sys.stderr)
"""


@NEEDS_PS
@pytest.mark.parametrize(
    "then, how",
    [
        ("", "end"),
        ("import os; os._exit(3)", "end"),
        ("time.sleep(600)", "stop"),
        ("time.sleep(600)", "replaced"),
        ("7 ** 10**9", "stop"),  # it never lets go of Python's lock
        ("time.sleep(600)", "SIGINT"),
        ("7 ** 10**9", "SIGTERM"),
        ("time.sleep(600)", "SIGKILL"),
    ],
)
def test_what_the_program_has_begun_ends_with_its_run(serve, then, how):
    one = serve()
    answer = one.ask(BEGINS + then)
    for line in answer:
        if line == {"status": "begun"}:
            break
    begun = (one.file.parent / "begun").read_text()
    assert alive(begun) or how == "end"
    if how == "stop":
        one.stop()
    elif how == "replaced":
        next(one.ask(tab="other", prompt=""))
    elif how != "end":
        one.process.send_signal(getattr(signal, how))
        out, err = one.process.communicate(timeout=60)
        assert out == "" and err.count("\n") == (how != "SIGKILL")
        gone(begun)
        return
    ended = list(answer)[-1]["ended"]
    known = {"stop": "stopped", "replaced": "elsewhere"}
    assert ended == known.get(how, "Python ended by itself, with status 3" if then else "done")
    gone(begun)


@NEEDS_PS
def test_a_run_that_tells_nothing_ends_once_its_page_is_closed(serve):
    one = serve()
    one.file.write_text(f"{harness.SOURCE}{BEGINS}while True: pass\n", "utf-8")
    time.sleep(0.4)
    host, secret = one.url.split("/")[2:4]
    body = json.dumps({"prompt": PROMPT, "model": str(harness.TALES), "tokens": "1"})
    head = f"POST /{secret}/run?tab HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
    with socket.create_connection(host.split(":"), timeout=60) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        told = b""
        while b'{"status":"begun"}' not in told:
            told += connection.recv(65536)
        begun = (one.file.parent / "begun").read_text()
        time.sleep(2.5)
        assert alive(begun)  # as long as the page is there
    gone(begun)
    assert list(one.ask("# Nothing more."))[-1] == {"ended": "done"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("then", ["", "os._exit(3)"])
def test_a_copy_of_the_process_has_nothing_to_tell(serve, then):
    one = serve()
    fork = "import os, time\nif os.fork() == 0:\n    print('a copy')\n    time.sleep(600)\n"
    told = list(one.ask(fork + then))
    assert told[-1]["ended"] == ("Python ended by itself, with status 3" if then else "done")
    assert sum("done" in line for line in told) == (not then)


def gone(pid):
    end = time.monotonic() + 30
    while alive(pid):
        assert time.monotonic() < end, "a process goes on"
        time.sleep(0.05)


MUCH = "for i in range(20_000): print('x' * 100, file={})"


@pytest.mark.parametrize(
    "code, name, said",
    [
        ("ids = [np.int64(id) for id in ids]; print()", "done", None),
        ("ids += [float('nan'), None, 10**400, 'x', np.inf]; print()", "done", None),
        ("vocabulary, byte_to_character = {1: 'x', (2,): []}, {'a': []}", "done", None),
        ("x = output = 'a' * 50_000_000; print(x)", "done", None),
        ("x = '\\ud800'; print(x, end='')", "done", None),
        ("sys.stdout.buffer.write(b'\\xff')", "done", None),
        (MUCH.format("sys.stdout"), "done", None),
        (MUCH.format("sys.stderr"), "status", "and 19,001 lines more on stderr"),
        ("sys.stderr.write('y' * 5_000_000)", "status", "y" * 1000),
        ("sys.exit('as I want it')", "refused", "as I want it"),
        ("sys.exit(['a'])", "refused", "['a']"),
        ("sys.exit(5)", "refused", "It ended with status 5"),
        ("print('because', file=sys.stderr); sys.exit(5)", "refused", "because"),
        ("raise KeyboardInterrupt", "failure", "line 451: KeyboardInterrupt"),
        ("def f(x): return f(x)\nf(1)", "failure", "line 451: RecursionError: maximum recursion"),
        ("sys.stdout.close()\nprint()", "failure", "line 452: ValueError: I/O operation on closed"),
        ("raise ValueError('z' * 10**6)", "failure", "line 451: ValueError: " + "z" * 1980),
        ("input()", "failure", "line 451: EOFError: EOF when reading a line"),
        ("np.isfinite = None", "refused", "The program ran, but its values cannot be shown: Typ"),
        ("import os; os.abort()", "ended", "Python was ended by SIGABRT"),
        ("import os, time; os.closerange(0, 99); time.sleep(600)", "ended", "The program has"),
        ("import threading\nthreading.Thread(target=lambda: print(1 / 0)).start()", "done", None),
        ("import itertools, threading as t\n"
         "t.Thread(target=lambda: [print() for _ in itertools.count()]).start()", "done", None),
    ],
)  # fmt: skip
def test_whatever_a_changed_program_does_has_a_clear_outcome(serve, code, name, said):
    if os.name == "nt" and name == "ended":
        pytest.skip("Windows has no signals")
    one, told, size = serve(), {}, 0
    for line in one.ask(code):
        told |= line
        size += len(json.dumps(line))
    assert size < 6_000_000
    if "done" in told:
        told["failure"] = told["done"]["data"]["failure"][1]
        assert all(isinstance(id, int) for id in told["done"]["data"]["ids"])
        assert told["ended"] == "done"
    assert name in told and (said is None or told[name].startswith(said))
    assert one.end()[2].count("\n") == 1  # the server says nothing but its end


# -- with a browser: a prompt of one's own


def test_a_prompt_runs_and_shows_what_the_program_makes(serve, visit):
    page = visit(serve("Once upon a time").url)
    assert page.locator("#prompt").input_value() == "Once upon a time"
    for prompt, tokens in [(PROMPT, "3"), (HOSTILE, "1"), ("--help", "1"), ("-", "1")]:
        page.locator("#prompt").fill(prompt)
        page.get_by_label("tokens", exact=True).fill(tokens)
        run(page)
        plain = harness.run(f"--tokens={tokens}", "--model", str(harness.TALES), "--", prompt)
        assert page.evaluate("data.texts") == [prompt, plain.variables["output"]]
        assert page.evaluate("data.ids") == plain.variables["ids"]
        assert page.locator("#tokens .token").count() == len(plain.variables["ids"])
        assert told(page) == ""
    page.reload()
    ran(page)
    assert page.locator("#prompt").input_value() == "-"  # what was asked for is asked for again


@NEEDS_PS
def test_ids_come_while_it_runs_and_stop_ends_it(serve, visit):
    one = serve(PROMPT, "--tokens", "2", edit=SLOW)
    page = visit(one.url)
    before = page.evaluate("data.texts")
    page.get_by_label("tokens", exact=True).fill("200")
    page.keyboard.press("Control+Enter")
    seen = page.locator("#so-far li")
    until(page, "document.querySelectorAll('#so-far .made').length >= 3")
    assert re.match(r"\D*\d+$", seen.nth(0).inner_text().replace("\n", ""))
    children = set(one.children())
    page.get_by_role("button", name="Stop", exact=True).click()
    until(page, "!isRunning")
    assert told(page) == "Stopped. The page shows the run before."
    assert page.evaluate("data.texts") == before and page.locator("#progress").is_hidden()
    assert any(not alive(pid) for pid in children)
    page.get_by_label("tokens", exact=True).fill("1")
    run(page)  # and the next one runs
    assert told(page) == "" and len(page.evaluate("data.ids")) == len(PROMPT.split()) + 1


def test_options_are_refused_by_the_programs_own_line(serve, visit):
    page = visit(serve(PROMPT).url)
    before = page.evaluate("data.texts")
    model = str(harness.TALES)
    for option, label, wrong in [
        ("--tokens", "tokens", "0"),
        ("--temperature", "temperature", "<b>hot</b>"),
        ("--top-k", "top-k", "-1"),
        ("--seed", "seed", "\u202e1"),
    ]:
        page.get_by_label(label, exact=True).fill(wrong)
        run(page)
        plain = harness.command(f"{option}={wrong}", "--model", model, "--", PROMPT)
        assert told(page) == plain.stderr.splitlines()[-1]
        assert page.evaluate("data.texts") == before and page.locator("#run-told b").count() == 0
        page.get_by_label(label, exact=True).fill("")
    page.get_by_label("top-k", exact=True).fill("5")  # a warning is no refusal
    run(page)
    assert told(page) == "easygpt2.py: --top-k and --seed have no effect without --temperature"
    page.locator("#prompt").fill("")
    run(page)
    assert told(page).startswith("easygpt2.py: no prompt; type: ")
    page.locator("#prompt").fill(PROMPT)
    page.get_by_label("top-k", exact=True).fill("")
    run(page)
    assert told(page) == ""


# -- with a browser: the file is saved


def test_a_saved_edit_runs_and_the_place_is_kept(serve, visit):
    one = serve(PROMPT)
    page = visit(one.url, f"#line={WEIGHTS}&round=2&layer=3&head=4&cell=1.0&follow=1")
    page.evaluate(f"document.getElementById('L{WEIGHTS}').scrollIntoView({{block: 'center'}})")
    page.wait_for_timeout(50)

    def place():
        where = page.evaluate("address()")
        line = int(re.search(r"line=(\d+)", where)[1])
        return line, where.replace(f"line={line}", ""), round(top(page, line))

    line, rest, y = place()
    assert line == WEIGHTS and "round=2&layer=3&head=4" in rest and "follow=1" in rest
    # Above the place there are two lines more; in it, a change.
    edits = ["words = []\n", "# A line.\n\nwords = []\n"]
    saved(page, lambda: one.save(*edits))
    assert page.evaluate("data.source") == one.file.read_text("utf-8")
    assert place() == (WEIGHTS + 2, rest, y)
    assert page.locator(f"#L{WEIGHTS + 2}.now").count() == 1
    saved(page, lambda: one.save("/ head_size**0.5", "* 0"))
    assert place() == (WEIGHTS, rest, y)  # though the line in hand is another
    row = page.evaluate("Array.from(numbersOf(madeAt(cursor, 'attention_weights').array))")
    assert row == pytest.approx([1 / len(row)] * len(row))  # all scores are 0


def top(page, line):
    return page.evaluate(f"document.getElementById('L{line}').getBoundingClientRect().top")


@pytest.mark.parametrize(
    "new, message",
    [
        ("n_seen = n_past + (n_new", "SyntaxError: '(' was never closed"),
        ("n_seen = n_past + n_now", "NameError: name 'n_now' is not"),
    ],
)
def test_a_slip_shows_at_its_line_and_is_mended(serve, visit, new, message):
    one = serve(PROMPT)
    page = visit(one.url, f"#line={WEIGHTS}&round=1&layer=3&head=4")
    old = "n_seen = n_past + n_new"
    at = line_of(old)
    text = one.save(old, new)
    until(page, "data.failure[1]")
    ran(page)
    assert page.evaluate("data.source") == text
    wrong = page.locator(f"#L{at} .error")
    assert wrong.inner_text().startswith(message) and wrong.is_visible()
    assert 0 < top(page, at) < 800
    assert f"line {at}: {message}" in page.locator("#notices").inner_text()
    assert told(page).startswith(f"line {at}: {message}")
    ids = page.locator(f"#L{line_of('ids = [')} .glance")  # of the run up to there
    assert str(page.evaluate("data.ids[0]")) in ids.inner_text()
    moves = message.startswith("Syntax")
    if moves:  # the page is alive
        page.get_by_role("button", name="Line ›").click()
    there = page.evaluate("address()") if moves else f"#line={WEIGHTS}"
    assert there.startswith("#line=")
    saved(page, one.save)
    assert page.locator(".error:visible").count() == 0
    assert page.evaluate("address()").startswith(there)
    chosen = page.evaluate("choiceLoops.map((loop) => nameOfLoop(loop) + roundOf(loop))")
    assert chosen == ["round0", "layer3", "head4"]


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "n_seen = n_past + n_new",
            "n_seen = n_past + (n_new",
            "SyntaxError: '(' was never closed",
        ),
        ("n_seen = n_past + n_new", "n_seen = n_past + n_now", "NameError: name 'n_now' is not"),
        ("import json, struct, sys", "import json struct, sys", "SyntaxError: invalid syntax"),
    ],
)
def test_a_page_that_opens_on_a_slip_comes_alive_with_the_next_save(
    serve, visit, old, new, message
):
    one = serve(PROMPT, edit=(old, new))
    page = visit(one.url, wait=False)
    until(page, "turn === 1 && !isRunning")
    assert told(page).startswith(f"line {line_of(old)}: {message}")
    saved(page, one.save)
    assert told(page) == "" and page.locator(".error:visible").count() == 0
    assert page.evaluate("nEvents > 5000 && !byId('map').inert")
    assert page.evaluate("data.ids.length") == len(PROMPT.split()) + 8
    page.get_by_role("button", name="Line ›").click()
    assert page.evaluate("stepping")


def test_numpy_integers_among_the_ids_show_as_ids(serve, visit):
    one = serve(PROMPT)
    page = visit(one.url)
    before = page.evaluate("data.ids")
    saved(page, lambda: one.save("int(np.argmax(logits))", "np.argmax(logits)"))
    assert told(page) == "" and page.evaluate("data.ids") == before
    assert page.locator("#tokens .token").count() == len(before)


def test_much_on_stderr_is_told_in_few_lines(serve, visit):
    one = serve(PROMPT)
    page = visit(one.url)
    one.file.write_text(harness.SOURCE + MUCH.format("sys.stderr"), "utf-8")
    until(page, "turn === 2")
    ran(page)
    assert told(page) == f"{'x' * 100} {'x' * 100} and 19,001 lines more on stderr"


def test_a_slip_in_the_first_lines_and_a_program_that_does_nothing(serve, visit):
    one = serve(PROMPT)
    page = visit(one.url)
    for old, new, message in [
        ("import json, struct, sys", "import json struct, sys", "SyntaxError: invalid syntax"),
        ("import json, struct, sys", "import json, struct, syss", "ModuleNotFoundError"),
        ('model.safetensors", "its header"', 'model.safetensors", "its header', "SyntaxError: unt"),
    ]:
        one.save(old, new)
        until(page, f"data.failure[1]?.includes({json.dumps(message)}) && !isRunning")
        line = line_of(old) if "import" in old else line_of(f'path, name = f"{{folder}}/{old[:5]}')
        assert message in page.locator(f"#L{line} .error").inner_text()
    one.file.write_text("", "utf-8")  # as an editor might, for a moment
    page.wait_for_timeout(300)
    assert "empty" not in told(page)
    until(page, "byId('run-told').textContent.includes('easygpt2.py is empty')")
    one.file.unlink()
    until(page, "byId('run-told').textContent.includes('easygpt2.py cannot be read')")
    one.save()
    until(page, "!data.failure[1] && nEvents > 5000")
    ran(page)
    assert told(page) == "" and page.locator(".error:visible").count() == 0


# -- with a browser: others, and the end


def test_two_tabs_one_run(serve, visit):
    one = serve(PROMPT, "--tokens", "2", edit=SLOW)
    first, second = visit(one.url), visit(one.url)
    first.get_by_label("tokens", exact=True).fill("100")
    first.get_by_role("button", name="Run", exact=True).click()
    until(first, "document.querySelectorAll('#so-far .made').length >= 1")
    run(second)
    until(first, "!isRunning")
    said = "Another tab has begun a run, and that ended this one. Run runs it here."
    assert told(first) == said
    assert told(second) == "" and len(first.evaluate("data.ids")) == 5
    first.get_by_label("tokens", exact=True).fill("1")
    run(first)
    saved(first, one.save)  # the one that ran last runs again, and it alone
    until(second, "byId('run-told').textContent.includes('was saved')")
    assert second.evaluate("turn") == 2 and told(first) == ""


def test_more_tabs_than_a_browser_keeps_connections(serve, visit):
    """It keeps six to one server."""
    one = serve(PROMPT, "--tokens", "2")
    tabs = [visit(one.url)]
    for _ in range(7):
        tabs.append(tabs[0].context.new_page())
        tabs[-1].goto(one.url)
        ran(tabs[-1])
    saved(tabs[-1], lambda: one.save("words = []\n", "# A line.\nwords = []\n"))
    for tab in tabs[:-1]:
        until(tab, "byId('run-told').textContent.includes('was saved. Another tab runs it')")
        assert tab.evaluate("turn") == 1
    for tab in tabs[::3]:
        run(tab)
        assert tab.evaluate("data.source") == one.file.read_text("utf-8")
    run(tabs[-1])
    tabs.pop().close()  # it ran last, and is no more
    saved(tabs[-1], one.save)


def test_a_save_while_the_connection_is_lost_is_not_missed(serve, visit):
    one = serve(PROMPT)
    page = visit(one.url)
    page.context.set_offline(True)
    until(page, "isLost")
    text = one.save("words = []\n", "# A line.\nwords = []\n")
    page.wait_for_timeout(500)
    turn = page.evaluate("turn")
    page.context.set_offline(False)
    until(page, f"turn > {turn}")
    ran(page)
    assert told(page) == "" and page.evaluate("data.source") == text


def test_a_prompt_that_is_too_long_is_told_in_the_servers_words(serve, visit):
    url = serve(PROMPT, "--tokens", "1").url
    page = visit(url).context.new_page()  # whose console may name the 413, as Chromium does
    page.goto(url)
    ran(page)
    page.evaluate("byId('prompt').value = '€'.repeat(1_400_000)")
    page.get_by_role("button", name="Run", exact=True).click()
    until(page, "turn === 2 && !isRunning")
    said = "413: the prompt is too long: 4,000,000 bytes are the most; use a shorter one"
    assert told(page).strip() == f"The server refused this run. {said}"
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    run(page)
    assert told(page) == ""


def test_the_server_is_killed_in_mid_run(serve, visit):
    one = serve(PROMPT, "--tokens", "2", edit=SLOW)
    page = visit(one.url)
    page.get_by_label("tokens", exact=True).fill("100")
    page.get_by_role("button", name="Run", exact=True).click()
    until(page, "document.querySelectorAll('#so-far .made').length >= 1")
    one.process.kill()
    one.process.communicate()
    until(page, "!isRunning")
    assert told(page).startswith("The program that serves this page has ended.")
    page.get_by_label("layer 1, head 2", exact=True).click()  # it goes on showing what it has
    assert "layer=1&head=2" in page.evaluate("address()")
    run_ = page.get_by_role("button", name="Run", exact=True)
    run_.click()
    until(page, "turn === 3 && !isRunning")
    assert told(page).startswith("The program that serves this page has ended.")


def test_a_process_that_dies_is_told(serve, visit):
    one = serve(PROMPT, "--tokens", "2")
    page = visit(one.url)
    one.save("n_past = n_seen\n", "n_past = n_seen; __import__('os')._exit(3)\n")
    until(page, "turn === 2 && !isRunning")
    assert told(page) == "Python ended by itself, with status 3"
    saved(page, one.save)
    assert told(page) == ""


def test_another_site_can_start_nothing(serve, visit, browser, tmp_path):
    one = serve(PROMPT)
    page = visit(one.url)
    other = browser.new_page()
    other.goto((tmp_path / "house0").as_uri())
    for mode in ("no-cors", "cors"):
        done = other.evaluate(
            f"""() => fetch("{one.url}run?x", {{method: "POST", body: "{{}}", mode: "{mode}"}})
            .then((answer) => answer.type, () => "refused")"""
        )
        assert done == "refused"  # see the plain tests: 403
    other.close()
    page.wait_for_timeout(300)
    assert page.evaluate("turn") == 1 and told(page) == ""


# -- with a browser: everybody


def boxes(page, selector):
    return page.locator(selector).evaluate_all(
        """(all) => all.filter((one) => one.checkVisibility()).map((one) => {
          const {left, top, right, bottom} = one.getBoundingClientRect();
          return [left, top, right, bottom];
        })"""
    )


@pytest.mark.parametrize("options, scheme", [({}, "light"), (TOUCH, "dark")], ids=["desk", "phone"])
def test_everybody_can_use_it(serve, visit, options, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="needs python -m pip install --group browser",
    )
    page = visit(serve("The naïve wolf didn't").url, color_scheme=scheme, **options)
    size = options.get("viewport", DESK)
    # The first screen keeps what it promises, and the first lines of the code are on it.
    for selector in (
        "#run",
        "#tokens .token",
        ".small-grids button",
        "#best .share",
        "#stations a",
    ):
        found = boxes(page, selector)
        assert found, selector
        for left, top, right, bottom in found:
            assert left >= 0 and right <= size["width"] and top >= 0, selector
            assert bottom <= size["height"] - (58 if options else 0), selector
    assert boxes(page, "#lines .gutter")[0][3] <= size["height"]
    bar = page.evaluate("byId('bar').offsetHeight")
    assert bar <= (110 if options else 90)
    page.evaluate(
        """() => document.querySelectorAll("#lines > *").forEach((node, i) => {
          if (i > 60) node.remove();
        })"""
    )

    def serious():
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        found = [one for one in found if one["impact"] in ("serious", "critical")]
        return [(one["id"], node["html"]) for one in found for node in one["nodes"][:3]]

    assert serious() == []
    if options:
        page.get_by_role("button", name="Options", exact=True).tap()
        touched = boxes(page, "#run :is(button, input, select, textarea)")
        sizes = [(right - left, bottom - top) for left, top, right, bottom in touched]
        assert min(map(min, sizes)) >= 44 and len(touched) == 8
        assert serious() == []
    page.evaluate(
        "byId('progress').hidden = false; showIds([[1, ' a']]); showIds([[1, ' a'], [2, 'b']])"
    )
    page.evaluate("tellRun('easygpt2.py: no prompt; type: python easygpt2.py', true)")
    assert serious() == []


def test_by_keyboard_only(serve, visit):
    page = visit(serve(PROMPT).url)
    page.keyboard.press("ArrowRight")  # moves through the run, as ever
    assert page.evaluate("stepping")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "prompt":
            break
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("The wolf n")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("r")
    for name in ("tokens", "temperature", "topK", "seed"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == name
        page.keyboard.type({"tokens": "2", "seed": "7", "temperature": "1", "topK": "5"}[name])
    page.keyboard.press("Enter")
    until(page, "turn === 2")
    ran(page)
    arguments = ["--tokens=2", "--temperature=1", "--top-k=5", "--seed=7"]
    plain = harness.run(*arguments, "--model", str(harness.TALES), "The wolf n\nr")
    assert page.evaluate("data.texts") == ["The wolf n\nr", plain.variables["output"]]
    assert page.evaluate("document.activeElement.name") == "seed"  # the focus stays


def test_typing_in_the_bar_moves_nothing_else(serve, visit):
    page = visit(serve(PROMPT).url)
    page.evaluate("scrollTo(0, 3000)")
    page.wait_for_timeout(100)
    there = page.evaluate("[scrollY, cursor, address(), stepping, wanted, byId('legend').open]")
    keys = [*"dcnourR ?D1", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"]
    keys += ["Home", "End", "Backspace", "Escape"]
    for name in ("prompt", "tokens", "seed", "model"):
        page.locator(f"#run [name={name}]").focus()
        for pressed in [one for one in keys if name != "model" or one not in "? "]:
            page.keyboard.press(pressed)
            now = "[scrollY, cursor, address(), stepping, wanted, byId('legend').open]"
            assert page.evaluate(now) == there, (name, pressed)
    assert "dcnourR ?D1" in page.locator("#prompt").input_value()
    assert page.evaluate("turn") == 1


def test_tab_through_the_bar_moves_nothing_else(serve, visit):
    page = visit(serve(PROMPT).url)
    page.evaluate("scrollTo(0, 3000)")
    page.wait_for_timeout(100)
    there = page.evaluate("scrollY")
    page.evaluate("byId('back').focus({preventScroll: true})")
    for _ in range(page.locator("#bar :is(button, input, textarea, select):visible").count() - 1):
        page.keyboard.press("Tab")
        assert page.evaluate("[byId('bar').contains(document.activeElement), scrollY]") == [
            True,
            there,
        ]
    page.evaluate("byId('next-step').focus()")
    page.keyboard.press("Enter")
    top, bottom = page.evaluate(
        "[byId(`step-${data.steps[stepOf(cursor)].number}`), byId('bar')].map((node, i) => "
        "node.getBoundingClientRect()[i ? 'bottom' : 'top'])"
    )
    assert bottom <= top < bottom + 100
