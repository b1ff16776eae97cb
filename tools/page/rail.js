// The rail: the steps as parts of a slider. Step 12, the transformer, has most of the room.

let railParts = [];

function newRail() {
  railParts = [];
  railRound = null;
  let at = 0;
  const weights = data.steps.map((one) => data.rail[one.number] ?? 1.6);
  const sum = weights.reduce((a, b) => a + b, 0) || 1;
  data.steps.forEach((one, i) => {
    railParts.push({i, from: at / sum, to: (at + weights[i]) / sum});
    at += weights[i];
  });
  if (!railParts.length) railParts = [{i: -1, from: 0, to: 1}];
  byId("segments").replaceChildren(
    ...railParts.map((part) => {
      const segment = element("span", {class: "segment", "data-i": String(part.i)});
      segment.style.left = `${100 * part.from}%`;
      segment.style.width = `${100 * (part.to - part.from)}%`;
      segment.append(element("b"), element("i"));
      return segment;
    }),
  );
}

// The events of a step in the chosen round, of the script's own lines, folded ones left out.
function eventsOfStep(i) {
  const main = choiceLoops[0],
    round = main === undefined ? 0 : roundOf(main);
  const found = [];
  for (const number of statementsOfStep(i)) {
    for (const e of ranIn.get(number) || []) {
      if (events.frame[e] >= 0) continue;
      if (loopsOf(number).includes(main) && events.iterations[e][0] !== round) continue;
      found.push(e);
    }
  }
  return found.sort((a, b) => a - b);
}

function statementsOfStep(i) {
  return statements.flatMap((one, number) =>
    !one.function &&
    one.kind !== "Docstring" &&
    (i < 0 || stepAt(one.first) === i) &&
    !isFolded(number)
      ? [number]
      : [],
  );
}

let railRound = null,
  railEvents = new Map();
function eventsOnRail(i) {
  const round = choiceLoops.length ? roundOf(choiceLoops[0]) : 0;
  if (railRound !== round) [railRound, railEvents] = [round, new Map()];
  if (!railEvents.has(i)) railEvents.set(i, eventsOfStep(i));
  return railEvents.get(i);
}

// Where on the rail an event is, from 0 to 1.
function placeOnRail(e) {
  const i = stepOf(e),
    part = railParts.find((one) => one.i === i) ?? railParts[0];
  const all = eventsOnRail(part.i),
    at = all.findLastIndex((other) => other <= outermost(e));
  return part.from + (part.to - part.from) * (all.length ? Math.max(0, at) / all.length : 0);
}

// The event at a place on the rail.
function eventOnRail(x) {
  let p = Math.max(
    0,
    railParts.findIndex((one) => x < one.to),
  );
  if (x >= 1) p = railParts.length - 1;
  for (; p >= 0; p--) {
    const part = railParts[p],
      all = eventsOnRail(part.i);
    if (!all.length) continue;
    const share = Math.min(0.9999, Math.max(0, (x - part.from) / (part.to - part.from)));
    return all[Math.floor(share * all.length)];
  }
  return 0;
}

function drawRail() {
  if (!nEvents) return;
  const e = inHand(),
    here = stepOf(e),
    at = placeOnRail(e);
  byId("thumb").style.left = `${100 * at}%`;
  const slider = byId("position");
  slider.value = Math.round(1000 * at);
  const step = data.steps[here];
  slider.setAttribute(
    "aria-valuetext",
    `${step ? `step ${step.number}, ${step.title}, ` : ""}${placeText(e)}`,
  );
  const layerLoop = choiceLoops[1];
  const {loops} = statements[events.statement[outermost(e)]];
  const layer =
    layerLoop !== undefined &&
    (loops.includes(layerLoop) || events.statement[outermost(e)] === layerLoop)
      ? roundOf(layerLoop)
      : -1;
  for (const segment of byId("segments").children) {
    const i = Number(segment.dataset.i);
    segment.className = `segment${i === here ? " here" : i < here ? " past" : ""}`;
    const layers = choiceLoops.length && stepAt(statements[choiceStatement].first) === i;
    segment.classList.toggle("large", Boolean(layers));
    const label = data.steps[i] ? String(data.steps[i].number) : "";
    segment.firstChild.textContent =
      layers && layer >= 0 && i === here ? `${label} · ${nameOfLoop(layerLoop)} ${layer}` : label;
    if (layers) {
      const n = nRounds(layerLoop, -1);
      const bar = segment.lastChild;
      if (bar.childElementCount !== n)
        bar.replaceChildren(...Array.from({length: n}, () => element("u")));
      [...bar.children].forEach((one, j) => {
        one.className =
          i < here || (i === here && j < layer) ? "past" : i === here && j === layer ? "here" : "";
      });
    }
  }
}

function startRail() {
  const slider = byId("position");
  let begun = null;
  slider.addEventListener("input", () => moveTo(eventOnRail(Number(slider.value) / 1000), true));
  // A press on a step begins it; drawn along the rail, the slider goes through its lines.
  slider.addEventListener("pointerdown", (event) => {
    begun = event.clientX;
  });
  slider.addEventListener("pointerup", (event) => {
    if (begun === null || Math.abs(event.clientX - begun) > 4) return (begun = null);
    begun = null;
    const box = slider.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const part = railParts.find((one) => x < one.to);
    if (!part || part.i < 0) return;
    event.preventDefault();
    // within the transformer a press takes the layer
    const {first} = statements[choiceStatement] ?? {};
    if (choiceLoops.length && stepAt(first) === part.i) {
      const n = nRounds(choiceLoops[1], -1);
      choose(choiceLoops[1], Math.floor(((x - part.from) / (part.to - part.from)) * n));
      const e = eventAt(choiceLoops[1], -1);
      if (e !== undefined) moveTo(e, true);
    } else goToStep(part.i);
  });
  slider.addEventListener("keydown", (event) => {
    const act = {
      ArrowRight: () => step(1, event.shiftKey),
      ArrowUp: () => step(1, event.shiftKey),
      ArrowLeft: () => step(-1, event.shiftKey),
      ArrowDown: () => step(-1, event.shiftKey),
      PageUp: () => nextStep(1),
      PageDown: () => nextStep(-1),
      Home: () => moveTo(0, true),
      End: () => moveTo(nEvents - 1, true),
    }[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}
