// What the program prints, as a terminal would show it: of the recorded run at first, then of each
// run while it goes on. The worker sees to it that there is not too much of it.

function clearOutput() {
  byId("printed").replaceChildren();
  tellLastLine();
}

function addOutput(stream, text) {
  byId("printed").append(stream === "err" ? element("span", {class: "err"}, text) : text);
  if (byId("output").open) showEnd(); // of a closed one, the browser would lay out all its lines
  tellLastLine();
}

function showEnd() {
  byId("printed").scrollTop = byId("printed").scrollHeight;
}

function cutOutput() {
  if (byId("printed").querySelector("em")) return;
  byId("printed").append(element("em", {}, "\nThe program printed more. It is cut here."));
}

// The fold that is closed shows the last line.
function tellLastLine() {
  const lines = byId("printed").textContent.slice(-1000).trimEnd().split("\n");
  byId("last-printed").textContent = lines.at(-1);
}

function startOutput() {
  byId("output").addEventListener("toggle", showEnd);
  addOutput("out", Object.values(data.events.printed).join(""));
}
