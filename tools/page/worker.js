// Python in a worker: behind pyodide.asm.js and pyodide.js, in one script with them. It is handed
// all that it needs, and can ask nobody for anything. What a run tells goes through a port to the
// page, which trusts none of it: the program may be whatever somebody has typed.

const HOME = "/home/easygpt2";
const MOST_PRINTED = 100_000; // characters of a run
const MOST_ROWS = 5_000; // of its lines, as each costs the page time
const RUN = `
import json, os, sys
import numpy
sys.path.append("/site")
from tools.live import run
from tools.page import json_of

def told(request, tell, hear):
    os.chdir("${HOME}")
    def heard(text):
        hear(text[:${MOST_PRINTED} + 1])  # one more, so that it is known to be cut
    run.run("easygpt2.py", json.loads(request), lambda message: tell(json_of(message)), heard)
    sys.excepthook = sys.__excepthook__  # the program has set its own

def room(n):
    return numpy.empty(max(1, n), "u1")

told, room`;
// What a worker could store with, or reach another place with.
const REACH = [
  "indexedDB",
  "caches",
  "XMLHttpRequest",
  "WebSocket",
  "WebSocketStream",
  "EventSource",
];
REACH.push("WebTransport", "BroadcastChannel", "Worker", "SharedWorker", "importScripts", "fetch");

addEventListener("message", ({data, ports}) => begin(data, ports[0]), {once: true});

async function begin({files, packages, module, site}, port) {
  try {
    const python = await startPython(files, packages, module);
    for (const [path, bytes] of Object.entries(site)) {
      const folder = path.startsWith("tools/") ? "/site" : HOME;
      place(python.FS, `${folder}/${path}`);
      python.FS.writeFile(`${folder}/${path}`, new Uint8Array(bytes));
    }
    const [run, room] = python.runPython(RUN, {globals: python.toPy({})});
    port.onmessage = ({data}) => answer(python, run, room, data, port);
    port.postMessage({ready: true});
  } catch (error) {
    port.postMessage({broken: lastLine(error)});
  }
}

// Pyodide, made of what was handed over: its own requests are answered from there. The frame's
// policy forbids all others, and its origin keeps nothing; what could try is taken away as well.
async function startPython(files, packages, module) {
  const bring = async (address) => {
    const name = String(address).split("/").at(-1);
    return new Response(files[name], {status: files[name] ? 200 : 404});
  };
  WebAssembly.instantiateStreaming = async (_, imports) => {
    return {module, instance: await WebAssembly.instantiate(module, imports)};
  };
  for (const name of REACH) {
    delete self[name];
    delete WorkerGlobalScope.prototype[name];
  }
  self.importScripts = () => {}; // by which Pyodide knows that this is a worker
  self.fetch = bring;
  const python = await loadPyodide({
    indexURL: "https://none.invalid/",
    packages,
    jsglobals: Object.create(null),
    env: {HOME},
    stdout: () => {},
    stderr: () => {},
  });
  delete self.fetch;
  delete self.importScripts;
  return python;
}

function place(FS, path) {
  FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
}

function answer(python, run, room, {request, model}, port) {
  try {
    if (model) bringModel(python, room, model);
    const told = new Telling(port);
    const hear = (text) => told.print("out", text);
    run(JSON.stringify(request), (message) => told.take(message), hear);
    told.send();
    port.postMessage({ended: true});
  } catch (error) {
    port.postMessage({broken: cut(lastLine(error))});
  }
}

const PAUSE = 60; // milliseconds between what is told
const MOST_IDS = 4096;
const LONGEST = 1000; // characters of a line that is told

const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text);

// What a run tells, seldom enough for the page to go on, and in bounds, whatever is printed.
class Telling {
  constructor(port) {
    this.port = port;
    this.room = MOST_PRINTED;
    this.rows = MOST_ROWS;
    this.clear();
  }

  clear() {
    this.sent = performance.now();
    Object.assign(this, {output: [], lines: [], ids: null, refused: null, isCut: false});
  }

  // What goes to stdout ("out") or stderr ("err"). Behind a cut nothing more is kept.
  print(stream, text) {
    const rows = text.slice(0, this.room).split("\n", this.rows + 1);
    const piece = rows.join("\n");
    const isCut = piece.length < text.length;
    this.room = isCut ? 0 : this.room - piece.length;
    this.rows -= rows.length - 1;
    this.isCut ||= isCut;
    if (this.output.at(-1)?.[0] === stream) this.output.at(-1)[1] += piece;
    else if (piece) this.output.push([stream, piece]);
    this.sendInTime();
  }

  // A message of run.py.
  take(message) {
    if (message.startsWith(`{"done":`)) {
      this.send();
      return this.port.postMessage({recording: message});
    }
    const [[kind, value]] = Object.entries(JSON.parse(message));
    if (kind === "ids") this.ids = value.slice(0, MOST_IDS);
    else if (kind === "refused") this.refused = cut(value);
    else {
      this.lines.push(cut(value));
      this.print("err", `${cut(value)}\n`);
    }
    this.sendInTime();
  }

  sendInTime() {
    if (performance.now() > this.sent + PAUSE) this.send();
  }

  send() {
    const {output, lines, ids, refused, isCut} = this;
    this.port.postMessage({told: {output, lines, ids, refused, isCut}});
    this.clear();
  }
}

// A folder of weights: {name, files: {name: Blob}}. The weights go straight into Python's own
// memory, where the file system finds them, so that mapping the file copies nothing.
function bringModel(python, room, {name, files}) {
  const {FS} = python;
  const memory = python._module;
  for (const [file, blob] of Object.entries(files)) {
    const path = `${HOME}/models/${name}/${file}`;
    place(FS, path);
    const buffer = room(blob.size).getBuffer("u8"); // which stays: the file lives as long as Python
    const begin = buffer.data.byteOffset;
    const reader = new FileReaderSync();
    for (let at = 0; at < blob.size; at += PIECE) {
      const piece = reader.readAsArrayBuffer(blob.slice(at, at + PIECE));
      memory.HEAPU8.set(new Uint8Array(piece), begin + at);
    }
    FS.writeFile(path, "");
    const {node} = FS.lookupPath(path);
    node.usedBytes = blob.size;
    const contents = () => memory.HEAPU8.subarray(begin, begin + blob.size);
    Object.defineProperty(node, "contents", {get: contents, set: () => {}});
  }
}
const PIECE = 2 ** 24;

// What Python or Pyodide says of an error, without the way there and without advice.
function lastLine(error) {
  const lines = String(error.message ?? error)
    .trim()
    .split("\n");
  return (
    lines.findLast((line) => /^[\w.]+(Error|Exception|Exit|Interrupt)\b/.test(line)) ?? lines.at(-1)
  );
}
