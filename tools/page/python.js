// Python in this browser: brought once, started in a worker in a sandbox (python.html), and started
// anew after Stop, in the background. What a run tells is not trusted: the program may be anybody's.
//
// `site` is what the site was made with: the files by address and hash, the hash of the program,
// exercises, and where the weights of OpenAI's GPT-2 are published.

const site = JSON.parse(byId("site").textContent);

const python = {
  frame: null,
  port: null, // to the worker; null while none is ready
  ready: null, // a promise of the port
  given: new Set(), // the models whose weights the worker has
  said: () => {}, // called with what the reader may want to know while Python comes
};

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
      python.said(`Python is coming: ${Math.round(come / 1e6)} of ${Math.round(size / 1e6)} MB`);
  };
  const frame = element("iframe", {sandbox: "allow-scripts", src: "python.html", hidden: true});
  frame.title = "Python";
  const loaded = new Promise((done) => frame.addEventListener("load", done));
  document.body.append(frame);
  const [scripts, files, own] = await Promise.all([
    fetchAll(site.python.scripts, count),
    fetchAll(site.python.files, count),
    fetchAll(site.files, count),
    loaded,
  ]).catch((error) => {
    all = false; // the others may still come
    throw error;
  });
  const wasm = files["pyodide.asm.wasm"];
  delete files["pyodide.asm.wasm"];
  python.frame = frame;
  python.said("Python starts");
  const give = {scripts: Object.values(scripts), wasm, files, packages, site: own};
  return startWorker(give, [wasm]);
}

// A new worker, the one before ended: a promise of its port.
function startWorker(give = {}, transfer = []) {
  const {port1, port2} = new MessageChannel();
  python.port = null;
  python.given.clear();
  return new Promise((done, fail) => {
    const hear = ({data, source}) => {
      if (source !== python.frame.contentWindow) return;
      removeEventListener("message", hear);
      fail(new Error(String(data?.broken)));
    };
    addEventListener("message", hear);
    port1.onmessage = ({data}) => {
      removeEventListener("message", hear);
      if (data?.ready !== true) return fail(new Error(String(data?.broken)));
      python.port = port1;
      python.said("");
      done(port1);
    };
    python.frame.contentWindow.postMessage(give, "*", [port2, ...transfer]);
  });
}

// Let Python come, if it has not, or start, if it has ended.
function wakePython() {
  if (location.protocol === "file:")
    return Promise.reject(
      new Error("Python runs only from a web server; type, in this folder: python -m http.server"),
    );
  python.ready ??= python.frame ? startWorker() : bringPython();
  python.ready.catch(() => {
    python.ready = null;
    python.frame?.remove();
    python.frame = null;
  });
  return python.ready;
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
  number: 0,
  on: null, // of the run that goes on
  startsFailed: 0,

  models: async () => modelNames(),

  async run(request, on) {
    const number = ++this.number;
    this.on?.ended("elsewhere");
    this.on = on;
    const end = (why) => {
      if (this.number !== number || this.on !== on) return;
      this.on = null;
      on.ended(why);
    };
    try {
      on.status(python.port ? "Running" : "Python starts");
      const port = await wakePython();
      if (this.number !== number) return;
      const model = await modelFor(request.model, on.status);
      if (this.number !== number) return;
      port.onmessage = ({data}) => {
        if (data.number !== number) return;
        if (data.message) tellOn(on, JSON.parse(data.message));
        else if (data.ended) end("done");
        else this.restart(end, String(data.broken));
      };
      port.postMessage({number, request: {...request, source: programText()}, model});
    } catch (error) {
      end(error.message);
    }
  },

  // Python itself is no more: another one starts, and the page goes on.
  restart(end, why) {
    python.ready = null;
    wakePython().catch((error) => python.said(error.message, true));
    end(`Python ended (${why}). It starts again; the page shows the run before.`);
  },

  stop() {
    const on = this.on;
    this.number++;
    this.on = null;
    if (python.port) {
      python.ready = null;
      wakePython().catch((error) => python.said(error.message, true));
    }
    on?.ended("stopped");
  },

  onSource() {},
};

function tellOn(on, message) {
  const [[kind, value]] = Object.entries(message);
  if (kind === "done") takeRecording(on, cleanedRecording(value));
  else if (kind === "ids") on.ids(value.map(([id, text]) => [Number(id), String(text)]));
  else if (["status", "printed", "refused"].includes(kind)) on[kind](String(value));
}

// A run that came from the editor closes it, and what was in view there is in view beside its
// values; but where the program is no Python, the editor shows the line.
function takeRecording(on, recording) {
  const {slip, failure} = recording.data;
  const place = isEditing() && !slip ? lineInView() : null;
  if (place) setEditing(false);
  on.done(recording);
  if (place && !failure[1]) scrollToLine(place);
  markSlip(slip, failure[1]);
}
