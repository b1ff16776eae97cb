"use strict";
// The room in which Python runs. The page shows this file in a sandbox, a frame with an origin of
// its own: so the browser itself keeps all that the page has stored from whatever runs in here. The
// policy in this file's head allows no request to anywhere, and the workers inherit it.
//
// Once it listens, it tells the page {begun: true}. The page asks for a worker by {begin: its
// number}, with the worker's port and the first time with all that every worker is given, and for
// its end by {end: its number}.

let parts;
const workers = new Map(); // number → Worker

async function take({scripts, wasm, ...others}) {
  const url = URL.createObjectURL(new Blob(scripts, {type: "text/javascript"}));
  parts = {url, given: {...others, module: await WebAssembly.compile(wasm)}};
}

function start(number, port) {
  const worker = new Worker(parts.url);
  workers.set(number, worker);
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    parent.postMessage({number, broken: event.message || "the worker does not start"}, "*");
  });
  worker.postMessage(parts.given, [port]);
}

function end(number) {
  workers.get(number)?.terminate();
  workers.delete(number);
}

addEventListener("message", async ({data, ports, source}) => {
  if (source !== parent) return;
  const {begin: number, give} = data;
  if (!number) return end(data.end);
  try {
    if (give) await take(give);
    start(number, ports[0]);
  } catch (error) {
    parent.postMessage({number, broken: String(error.message ?? error)}, "*");
  }
});
parent.postMessage({begun: true}, "*");
