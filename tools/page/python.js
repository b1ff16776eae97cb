// Python in this browser: brought once, and started in workers in a sandbox (python.html). What a
// run tells is not trusted: the program may be anybody's.
//
// A changed program may have changed anything in its Python, so its worker ends with it, as it does
// by Stop. So that the next run need not wait, a spare worker starts with a run of a changed program,
// or else some time after a run: beside the first one it would make that wait.
//
// `site` is what the site was made with: the files by address and hash, the hash of the program,
// exercises, and where the weights of OpenAI's GPT-2 are published.

const site = JSON.parse(byId("site").textContent);

const python = {
  frame: null,
  frameBegan: null, // called once the frame's script runs
  next: null, // a promise of the worker that runs the next program
  spare: null, // a promise of the one behind it
  isReady: false, // whether `next` has started
  said: () => {}, // called with what the reader may want to know while Python comes
};
const broken = new Map(); // number of a worker → what is called when it breaks down
let nWorkers = 0;
const QUIET = 3000; // milliseconds after a run, until the spare starts
const FRAME_WAIT = 10_000; // milliseconds for the frame, once all else has come

addEventListener("message", ({data, source}) => {
  if (!source || source !== python.frame?.contentWindow) return;
  if (data?.begun) python.frameBegan();
  else broken.get(data?.number)?.(new Error(String(data?.broken)));
});

// A file of the site or of Pyodide, checked by its hash. Raises Error.
async function fetched({url, integrity}) {
  const name = url.split("/").at(-1);
  let response;
  try {
    response = await fetch(url, {integrity});
  } catch {
    throw new Error(`${name} did not come, or is another than this page was made with`);
  }
  if (!response.ok) throw new Error(`${name} did not come: ${response.status}`);
  return response.arrayBuffer();
}

// All files of a table by their names, with the megabytes that have come told as they come.
async function fetchAll(table, count) {
  const all = Object.entries(table).map(async ([name, file]) => {
    const bytes = await fetched(file);
    count(bytes.byteLength);
    return [name, bytes];
  });
  return Object.fromEntries(await Promise.all(all));
}

async function bringPython() {
  const {size, packages} = site.python;
  let come = 0,
    all = true;
  const count = (n) => {
    come += n;
    if (all)
      python.said(
        `Python is coming: ${Math.round(come / 1e6)} of ${Math.round(size / 1e6)} MB. Until then, all that is here can be read: it shows a run that was recorded.`,
      );
  };
  const frame = element("iframe", {sandbox: "allow-scripts", src: "python.html", hidden: true});
  frame.title = "Python";
  const begun = new Promise((done) => (python.frameBegan = done));
  python.frame = frame;
  document.body.append(frame);
  const [scripts, files, own] = await Promise.all([
    fetchAll(site.python.scripts, count),
    fetchAll(site.python.files, count),
    fetchAll(site.files, count),
  ]).catch((error) => {
    all = false; // the others may still come
    throw error;
  });
  await inTime(begun);
  const wasm = files["pyodide.asm.wasm"];
  delete files["pyodide.asm.wasm"];
  python.said("Python starts. In a few seconds Run runs the program here, in your browser.");
  const give = {scripts: Object.values(scripts), wasm, files, packages, site: own};
  return newWorker(give, [wasm]);
}

// Wait for the frame, and no longer than it may take. A browser does not tell whether a frame's file
// has come: what the server says of a missing one is a file to it as well. Raises Error.
function inTime(begun) {
  const late = new Error(
    "Python runs in the file python.html, which did not come. Reload the page. If that does not help, tell whoever published it: the file is missing, or something blocks it.",
  );
  return Promise.race([begun, new Promise((_, fail) => setTimeout(fail, FRAME_WAIT, late))]);
}

// A promise of another worker: {number, port, given: the models whose weights it has}.
function newWorker(give, transfer = []) {
  const {port1: port, port2} = new MessageChannel();
  const number = ++nWorkers;
  return new Promise((done, fail) => {
    const broke = (error) => {
      terminate(number);
      fail(error);
    };
    broken.set(number, broke);
    port.onmessage = ({data}) => {
      if (data?.ready !== true) return broke(new Error(String(data?.broken)));
      broken.delete(number);
      done({number, port, given: new Set()});
    };
    python.frame.contentWindow.postMessage({begin: number, give}, "*", [port2, ...transfer]);
  });
}

// A promise of the worker that runs the next program. Python comes, if it has not, or starts.
function wakePython() {
  if (location.protocol === "file:")
    return Promise.reject(
      new Error("Python runs only from a web server; type, in this folder: python -m http.server"),
    );
  if (python.next) return python.next;
  const brings = !python.frame;
  const next = (python.next = brings ? bringPython() : (python.spare ?? newWorker()));
  python.spare = null;
  next.then(
    () => {
      if (python.next !== next) return;
      python.isReady = true;
      python.said("");
    },
    (error) => {
      if (python.next !== next) return;
      python.next = null;
      python.said(error.message, true);
      if (!brings) return;
      python.frame?.remove();
      python.frame = null;
    },
  );
  return next;
}

function startSpare() {
  if (python.spare) return;
  const spare = (python.spare = newWorker());
  spare.catch(() => {
    if (python.spare === spare) python.spare = null; // it is tried again when one is needed
  });
}

function terminate(number) {
  broken.delete(number);
  python.frame?.contentWindow.postMessage({end: number}, "*");
}

// The end of a worker, whatever it does: the spare takes its place.
function endWorker({number, port}) {
  port.onmessage = null;
  terminate(number);
  python.next = null;
  python.isReady = false;
  wakePython().catch(() => {}); // which has been said
}

// -- what comes from a run: checked before it is shown

const TAGS = `A B BUTTON CODE DETAILS DIV EM H2 LI P PRE SECTION SMALL SPAN SUMMARY UL`.split(" ");
const ATTRIBUTES = /^(?:class|id|tabindex|data-[a-z]+)$/;

// HTML of a recording with only such elements and attributes as its template has.
function cleaned(html) {
  const {body} = new DOMParser().parseFromString(String(html ?? ""), "text/html");
  for (const node of body.querySelectorAll("*")) {
    if (!TAGS.includes(node.tagName)) {
      node.remove();
      continue;
    }
    for (const {name, value} of [...node.attributes])
      if (!ATTRIBUTES.test(name) && !(name === "href" && /^#line=\d+$/.test(value)))
        node.removeAttribute(name);
  }
  return body.innerHTML;
}

function cleanedRecording(recording) {
  const clean = {...recording};
  for (const name of ["program", "left_out", "notices"]) clean[name] = cleaned(recording[name]);
  return clean;
}

// -- the runner (run.js says what it is)

const inBrowser = {
  going: null, // the run that goes on: {on, worker}

  models: async () => modelNames(),

  async run(request, on) {
    this.leave();
    const mine = {on, worker: null};
    this.going = mine;
    const source = programText();
    try {
      byId("run-said").textContent = python.isReady ? "Running" : "Waiting for Python";
      const worker = await wakePython();
      if (this.going !== mine) return;
      mine.worker = worker;
      const model = modelFor(request.model, worker.given, on.status);
      if (source !== original) startSpare();
      clearOutput();
      const end = (why, isUsedUp) => {
        if (this.going !== mine) return;
        this.going = null;
        if (isUsedUp) endWorker(worker);
        setTimeout(() => this.going || startSpare(), QUIET);
        on.ended(why);
      };
      const breakDown = (error) =>
        end(`Python ended (${error.message}). It starts again; the page shows the run before.`, true);
      broken.set(worker.number, breakDown);
      worker.port.onmessage = ({data}) => {
        if (data.told) tellOn(on, data.told);
        else if (data.recording) {
          try {
            takeRecording(on, cleanedRecording(JSON.parse(data.recording).done));
          } catch (error) {
            end(
              `The page cannot show this run (${error.message}), so it shows the run before. Your change is kept.`,
              true,
            );
          }
        } else if (data.ended) end("done", source !== original);
        else breakDown(new Error(String(data.broken)));
      };
      worker.port.postMessage({request: {...request, source}, model});
    } catch (error) {
      if (this.going !== mine) return;
      this.going = null;
      on.ended(error.message);
    }
  },

  // The run that goes on ends, and its worker with it.
  leave() {
    const {going} = this;
    this.going = null;
    if (going?.worker) endWorker(going.worker);
    return going;
  },

  stop() {
    this.leave()?.on.ended("stopped");
  },

  onSource() {},
};

function tellOn(on, {output, ids, lines, refused, isCut}) {
  for (const [stream, text] of output) addOutput(stream, String(text));
  if (isCut) cutOutput();
  if (ids) on.ids(ids.map(([id, text]) => [Number(id), String(text)]));
  for (const line of lines) on.status(String(line));
  if (refused !== null) on.refused(String(refused));
}

// A run that came from the editor closes it, and what was in view there is in view beside its
// values; but where the program is no Python, the editor shows the line. Whoever has gone on typing
// meanwhile goes on undisturbed.
function takeRecording(on, recording) {
  const {slip, failure, source} = recording.data;
  const isSame = programText() === source;
  const place = isEditing() && isSame && !slip ? lineInView() : null;
  if (place) setEditing(false);
  on.done(recording);
  if (place && !failure[1]) scrollToLine(place);
  if (isSame) markSlip(slip, failure[1]);
}
