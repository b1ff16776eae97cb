// Weights other than those that came with the page: OpenAI's GPT-2 from its publisher, kept by this
// browser so that it comes once, or a folder of the reader's disk.
//
// It comes in pieces. Each is kept as soon as it is whole, so that what breaks off goes on later
// where it stopped. The whole is a Blob of the pieces: the browser reads them when Python does.

const PIECE = 2 ** 25;
const STORE = "weights";
const MODEL_FILES = ["config.json", "vocab.json", "merges.txt", "model.safetensors"];
const brought = new Map(); // name → {file: Blob}

const modelNames = () => ["tales", ...brought.keys()];

// What a worker still needs for this model: {name, files}, or nothing. `given` is what it has.
function modelFor(name, given, told) {
  const files = brought.get(name);
  if (!files || given.has(files)) return undefined;
  told(`${name} goes into memory`);
  given.add(files);
  return {name, files};
}

function offer(name, files) {
  brought.set(name, files);
  fillModels([name]);
  byId("run").elements.model.value = name;
}

// Why this browser should not try: a sentence, or "".
async function obstacle() {
  const {memory, size} = site.weights;
  if (!window.isSecureContext || !window.caches || !window.crypto?.subtle)
    return "This page came neither from this machine nor over https, so the browser keeps nothing for it. A folder on disk works.";
  if (
    navigator.userAgentData?.mobile ||
    (matchMedia("(pointer: coarse)").matches && Math.min(screen.width, screen.height) < 600)
  )
    return `A phone has too little memory for it: it takes about ${memory}.`;
  if (navigator.deviceMemory < 4)
    return `This machine has ${navigator.deviceMemory} GB of memory, and it takes about ${memory}. Other tabs would suffer, or this one end.`;
  const {quota, usage} = (await navigator.storage?.estimate?.()) ?? {};
  if (quota - usage < 1.1 * size)
    return `The browser grants this page ${Math.round((quota - usage) / 1e6)} MB, and it takes ${Math.round(size / 1e6)} MB. Free some of the disk.`;
  return "";
}

const hexOf = (bytes) =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// One file, whole and checked, from this browser's store or from the publisher. Raises Error.
async function bringFile(name, {url, size, sha256}, told, stopped) {
  const store = await caches.open(STORE);
  const keyOf = (piece) => new URL(`weights/${sha256 || name}/${piece}`, location.href).href;
  const pieces = [];
  for (let found; (found = await store.match(keyOf(pieces.length)));)
    pieces.push(await found.blob());
  const begin = () => pieces.reduce((sum, piece) => sum + piece.size, 0);
  const isWhole = await store.match(keyOf("whole"));
  if (isWhole) return new Blob(pieces);
  if (!size || begin() < size) {
    const headers = begin() ? {Range: `bytes=${begin()}-`} : {};
    const response = await fetch(url, {headers, signal: stopped, cache: "no-store"}); // kept here
    if (!response.ok) throw new Error(`${url} answers ${response.status}`);
    if (response.status !== 206) pieces.length = 0; // from the beginning
    let held = [],
      n = 0;
    const keep = async () => {
      const piece = new Blob(held);
      await store.put(keyOf(pieces.length), new Response(piece));
      pieces.push(piece);
      [held, n] = [[], 0];
    };
    try {
      for (const reader = response.body.getReader(); ;) {
        const {done, value} = await reader.read();
        if (done) break;
        held.push(value);
        n += value.length;
        told(begin() + n);
        if (n >= PIECE) await keep();
      }
    } finally {
      if (n) await keep(); // also of what breaks off
    }
  }
  const whole = new Blob(pieces);
  const found = sha256 && hexOf(await crypto.subtle.digest("SHA-256", await whole.arrayBuffer()));
  if ((size && whole.size !== size) || (sha256 && found !== sha256)) {
    for (let i = 0; i <= pieces.length; i++) await store.delete(keyOf(i));
    throw new Error(`${name} is not what was published: it is removed, and comes anew next time`);
  }
  await store.put(keyOf("whole"), new Response("1"));
  return whole;
}

// Whether all of it is in this browser already.
async function isKept() {
  if (!window.caches || !(await caches.has(STORE).catch(() => false))) return false;
  const store = await caches.open(STORE);
  const all = Object.entries(site.weights.files).map(([name, {sha256}]) =>
    store.match(new URL(`weights/${sha256 || name}/whole`, location.href).href),
  );
  return (await Promise.all(all)).every(Boolean);
}

let bringing = null; // the AbortController of what comes now

async function bringWeights() {
  const {name, files, config, size} = site.weights;
  bringing = new AbortController();
  showBringing(true);
  try {
    await navigator.storage?.persist?.();
    const found = {};
    let before = 0;
    for (const [file, one] of Object.entries(files)) {
      const told = (n) =>
        tellWeights(`${Math.round((before + n) / 1e6)} of ${Math.round(size / 1e6)} MB have come`);
      if (file === "model.safetensors") tellWeights("Asking for the weights");
      found[file] = await bringFile(file, one, told, bringing.signal);
      before += found[file].size;
    }
    const stated = JSON.parse(await found["config.json"].text());
    for (const [key, value] of Object.entries(config))
      if (stated[key] !== value)
        throw new Error(`config.json: ${key} is ${stated[key]}, not ${value}`);
    offer(name, found);
    tellWeights("It is here, checked and kept. Run runs it.");
  } catch (error) {
    const stopped = error.name === "AbortError";
    tellWeights(
      stopped ? "Stopped. What has come is kept." : `${error.message}. What has come is kept.`,
      !stopped,
    );
  }
  bringing = null;
  showBringing(false);
}

// A folder of the reader's disk: the four files of a model.
function takeFolder(list) {
  const files = {};
  for (const file of list) if (MODEL_FILES.includes(file.name)) files[file.name] = file;
  const missing = MODEL_FILES.filter((name) => !files[name]);
  if (missing.length) return tellWeights(`That folder has no ${missing.join(", no ")}.`, true);
  const folder = list[0].webkitRelativePath.split("/")[0].replace(/[^\w.-]/g, "-") || "folder";
  offer(folder === "tales" ? "my-tales" : folder, files);
  tellWeights(`${folder} is chosen. Run runs it.`);
}

async function removeWeights() {
  await caches.delete(STORE);
  tellWeights("It is removed from this browser.");
  showBringing(false);
}

function tellWeights(text, isError = false) {
  byId("weights-told").textContent = text;
  byId("weights-told").classList.toggle("error", isError);
}

async function showBringing(on) {
  byId("weights-stop").hidden = !on;
  const kept = await isKept();
  byId("weights-bring").disabled = on || Boolean(!kept && (await obstacle()));
  byId("weights-bring").textContent = kept ? "Use it" : "Bring it";
  byId("weights-remove").hidden = on || !kept;
}

function startWeights() {
  byId("weights").addEventListener("click", async () => {
    byId("weights-box").showModal();
    if (bringing) return;
    tellWeights((await isKept()) ? "It is in this browser already." : await obstacle());
    showBringing(false);
  });
  byId("weights-bring").addEventListener("click", bringWeights);
  byId("weights-stop").addEventListener("click", () => bringing?.abort());
  byId("weights-remove").addEventListener("click", removeWeights);
  byId("weights-folder").addEventListener("change", (event) => takeFolder([...event.target.files]));
}
