// The start: take the recording, and draw all of it. Before a first run a recording is empty.

// Draw what has changed. The address follows a little later.
function render() {
  byId("map").inert = byId("walk").inert = byId("rail").inert = byId("pane").inert = !nEvents;
  if (!nEvents) return;
  if (cursor !== nEvents - 1) atEnd = false;
  rows.forEach((row) => row.update());
  drawMap();
  drawPane();
  drawRail();
  drawBar();
  clearTimeout(render.later);
  render.later = setTimeout(() => history.replaceState(null, "", address()), 300);
}

// All that is drawn depends on sizes and colours: draw it anew.
function repaint() {
  readPalette();
  readGlanceWidth();
  mapDrawn = paneDrawn = "";
  render();
}

// A recording, from wherever it comes: {data, numbers, program, left_out, notices}, the last three as
// HTML. The caller draws.
function show(recording) {
  comparing?.stop();
  load(loaded(recording));
  byId("lines").innerHTML = recording.program;
  byId("left-out").innerHTML = recording.left_out;
  byId("notices").innerHTML = recording.notices;
  mapDrawn = paneDrawn = "";
  atEnd = false;
  smalls.clear();
  newLines();
  newPlace();
  newRail();
  newChoices();
  readPalette();
  readGlanceWidth();
  if (data.failure[1]) {
    // show what led to it
    for (const e of chainOf(data.failure[0]))
      loopsOf(events.statement[e]).forEach((loop, i) => choose(loop, events.iterations[e][i]));
    cursor = data.failure[0];
  }
}

// Draw all values, in pieces: the page can be read and used meanwhile.
function drawFirst(next) {
  const until = performance.now() + 30;
  while (next < rows.length && performance.now() < until) rows[next++].update();
  if (next < rows.length) setTimeout(drawFirst, 0, next);
  else render();
}

function drawAll() {
  if (!nEvents) return render();
  drawMap();
  drawPane();
  drawRail();
  drawBar();
  drawFirst(0);
}

function listen() {
  startBar();
  startRail();
  addEventListener("hashchange", () => {
    if (location.hash !== address()) visit(location.hash);
  });
  let later;
  addEventListener("resize", () => {
    clearTimeout(later);
    later = setTimeout(repaint, 60);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    repaint();
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    repaint();
  });
}

const recordingOfPage = {
  data: JSON.parse(byId("data").textContent),
  numbers: byId("numbers").textContent,
  program: byId("lines").innerHTML,
  left_out: byId("left-out").innerHTML,
  notices: byId("notices").innerHTML,
};
show(recordingOfPage);
listen();
if (!visit(location.hash)) drawAll();
