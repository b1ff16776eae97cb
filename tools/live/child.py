"""The process in which the live page's program runs once: a request in, what happens out.

Both are lines of JSON, by stdin and stdout; the last one is {"ended": "done"}. The process leads a
group of its own, so that all that the program begins ends with it. It ends when its stdin does:
with the server, however that has ended. A thread sees to that. Only within one long computation of
Python's own, such as 7**10**9, does it go on until that is over.
"""

import json
import os
import signal
import threading

from tools import page
from tools.live import run


def main():
    """Wait for a request, run it, and write what it tells."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server
    requests, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # the program, and what it starts, has them for itself
        os.dup2(nowhere, number)
    line = requests.readline()
    if not line:
        return

    def leave_pipes():
        for file in (requests, out):
            os.dup2(nowhere, file.fileno(), inheritable=False)

    if hasattr(os, "register_at_fork"):  # a copy of this process has nothing to tell
        os.register_at_fork(after_in_child=leave_pipes)

    def end_with_server():
        requests.read()
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=end_with_server, daemon=True).start()
    asked = json.loads(line)

    def tell(message):
        out.write(page.json_of(message).encode("ascii") + b"\n")
        out.flush()

    run.run(asked["path"], asked, tell)
    tell({"ended": "done"})
    os._exit(0)  # whatever threads the program has begun
