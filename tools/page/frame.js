"use strict";
// The room in which Python runs. The page shows this file in a sandbox, a frame with an origin of
// its own: so the browser itself keeps all that the page has stored from whatever runs in here. The
// policy in this file's head allows no request to anywhere, and the worker inherits it.

let parts, worker;

async function take({scripts, wasm, ...others}) {
  const url = URL.createObjectURL(new Blob(scripts, {type: "text/javascript"}));
  parts = {url, given: {...others, module: await WebAssembly.compile(wasm)}}; // for every worker
}

function start(port) {
  worker?.terminate();
  if (!port) return;
  worker = new Worker(parts.url);
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    parent.postMessage({broken: event.message || "the worker does not start"}, "*");
  });
  worker.postMessage(parts.given, [port]);
}

addEventListener("message", async ({data, ports, source}) => {
  if (source !== parent) return;
  try {
    if (data.scripts) await take(data);
    start(ports[0]);
  } catch (error) {
    parent.postMessage({broken: String(error.message ?? error)}, "*");
  }
});
