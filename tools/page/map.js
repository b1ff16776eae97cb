// The map: the text as tokens, all layers and heads, the chosen one, the ten best, the stations.

let mapDrawn = "";
const isNarrow = () => innerWidth <= 760;

function drawMap() {
  const rounds = choiceStatement < 0 ? [] : roundsAt(choiceStatement, -1);
  comparing?.summary();
  const sizes = sizesOfMap();
  const state = [rounds, followed, onChoice() && cell, palette.name, sizes, [...zooms]];
  state.push(comparing?.state());
  const signature = JSON.stringify(state);
  if (signature === mapDrawn) return;
  mapDrawn = signature;
  refill(byId("tokens"), ...mapTokens(rounds[0]));
  revealToken();
  byId("about").replaceChildren(...about());
  const hasGrids = choiceLoops.length === 3 && stackOf(...rounds).size > 0;
  byId("pictures").hidden = !hasGrids && !candidatesOf(rounds[0]);
  byId("small").hidden = byId("large").hidden = !hasGrids;
  if (hasGrids) {
    drawSmall(rounds, sizes);
    drawLarge(rounds, sizes);
  }
  drawBest(rounds[0], sizes);
  refill(byId("stations"), ...stations(rounds));
}

// What room there is: the whole map is to be seen on the first screen.
function sizesOfMap() {
  if (document.documentElement.classList.contains("printing"))
    return {narrow: false, width: 690, height: 330};
  const narrow = isNarrow();
  const width = Math.min(innerWidth, 1720) - (narrow ? 32 : 64);
  const lines = Math.max(1, Math.min(narrow ? 2 : 3, Math.ceil(textWidth() / tokenRoom(width))));
  const bar = byId("bar").offsetHeight + (byId("comparison")?.offsetHeight ?? 0);
  const taken = narrow
    ? bar + lines * 46 + 24 + 12 + 60 + 60 + 8
    : bar + 60 + lines * 60 + 104 + 40;
  const height = Math.max(narrow ? 420 : 300, Math.min(720, innerHeight - taken));
  return {narrow, width, height};
}

const tokenRoom = (width) => (isNarrow() ? width : width - 380);
const textWidth = () =>
  data.ids.reduce(
    (sum, id) => sum + 14 + visible(tokenText(id)).length * (isNarrow() ? 10 : 13),
    0,
  );

function mapTokens(round) {
  const nPrompt = promptLength();
  return data.ids.map((id, position) => {
    const made = position - nPrompt;
    const isNow = made >= 0 && made === round;
    const share = made >= 0 ? shareTaken(made) : undefined;
    const underline = element("i", {class: "share"});
    underline.style.width = `${100 * (share ?? 0)}%`;
    const act = made < 0 ? () => follow(position) : () => takeRound(made);
    const kept = made < 0 || takenIn(made) !== undefined;
    const words =
      made < 0
        ? `${visible(tokenText(id))}, token ${position} of the prompt: follow it`
        : `${visible(tokenText(id))}, made in round ${made + 1}${share === undefined ? "" : `, ${percent(share)}`}`;
    return element(
      "button",
      {
        class: `token ${made < 0 ? "given" : "made"}${position === followed ? " is-followed" : ""}`,
        "aria-label": words,
        title: words,
        "aria-pressed": made < 0 ? String(position === followed) : undefined,
        "aria-current": isNow ? "true" : undefined,
        disabled: !kept,
        "data-key": `token ${position}`,
        "data-position": String(position),
        onclick: act,
      },
      tokenOnMap(id),
      element("span", {class: "under"}, underline),
      element("small", {}, made < 0 ? (position ? "" : "prompt") : percent(share)),
    );
  });
}

// A space before a word is left as it is: the line under the token shows where it begins.
function tokenOnMap(id) {
  const text = tokenText(id);
  const word = /^ \S/.test(text) ? text.slice(1) : text;
  const node = shown(word);
  if (word !== text) node.prepend("\u00a0");
  return element("span", {class: "text"}, node);
}

const promptLength = () => {
  const n = lookup("n_prompt", nEvents);
  return Number.isInteger(n) ? n : data.ids.length - ((roundsAtMost() ?? 0) || 0);
};
const roundsAtMost = () => (choiceLoops.length ? data.ran[choiceLoops[0]] : 0);

// A long text scrolls: the chosen token is to be seen.
function revealToken() {
  const box = byId("tokens"),
    now = box.querySelector("[aria-current]");
  if (!now || box.scrollHeight <= box.clientHeight) return;
  if (now.offsetTop < box.scrollTop || now.offsetTop + 40 > box.scrollTop + box.clientHeight)
    box.scrollTop = now.offsetTop - box.clientHeight / 2;
}

function takeRound(round) {
  cell = null;
  if (cursor < 0 || !statements[events.statement[cursor]].loops.includes(choiceLoops[0]))
    takeChoice([round]);
  else pick(choiceLoops[0], round);
}

function about() {
  const nPrompt = promptLength(),
    added = data.ids.length - nPrompt;
  const text =
    choiceStatement < 0
      ? `${counted(nEvents, "line")} ran.`
      : `GPT-2 was given ${counted(nPrompt, "token")} and added ${added}, one in each round. Pick an added one to see its round, or one of the prompt to follow it.`;
  const left = byId("left-out").querySelector("ul");
  return [
    text,
    left ? " " : "",
    left ? element("a", {href: "#left-out", onclick: showLeftOut}, "What is left out") : "",
  ];
}

function showLeftOut(event) {
  event.preventDefault();
  byId("left-out").scrollIntoView();
}

const title = (strong, more) => [
  element("span", {}, strong),
  ...(more ? [" ", element("small", {}, more)] : []),
];

// -- all layers and heads

function drawSmall(rounds, {narrow, width, height}) {
  const [, layers, heads] = choiceLoops;
  const nLayers = nRounds(layers, -1),
    nHeads = nRounds(heads, -1);
  const gap = nHeads > 8 || narrow ? 3 : 6,
    side = narrow ? 10 : 16,
    beside = narrow ? 0 : 108;
  const room = narrow ? width * 0.47 : width * 0.42 - beside;
  const size = Math.max(
    6,
    Math.floor(Math.min((room - side) / nHeads, (narrow ? width * 0.47 : height - 22) / nLayers)) -
      gap,
  );
  byId("small-title").replaceChildren(
    ...title("Attention", narrow ? "" : `${nLayers} layers down, ${nHeads} heads across`),
    comparing?.mapToggle() ?? "",
  );
  const grid = element("div", {
    class: "small-grids",
    role: "group",
    "aria-labelledby": "small-title",
  });
  grid.style.gridTemplateColumns = `${side}px repeat(${nHeads}, ${size}px) ${beside ? "1fr" : ""}`;
  grid.style.gap = `${gap}px`;
  grid.classList.toggle("dense", size < 14);
  grid.append(element("span"));
  for (let head = 0; head < nHeads; head++)
    grid.append(element("span", {class: "axis"}, String(head)));
  if (beside)
    grid.append(
      element("span", {class: "axis beside"}, followed >= 0 ? "row’s length" : "last row’s length"),
    );
  const lengths = lengthsIn(rounds[0]),
    longest = Math.max(...lengths.map((one) => one.length), 1e-9);
  for (let layer = 0; layer < nLayers; layer++) {
    grid.append(element("span", {class: "axis side"}, String(layer)));
    for (let head = 0; head < nHeads; head++) {
      const isNow = layer === rounds[1] && head === rounds[2];
      const place = `layer ${layer}, head ${head}`;
      const differing = comparing?.small(rounds[0], layer, head);
      const label = differing ? `${place}, ${differing.words}` : place;
      const button = element(
        "button",
        {
          "aria-label": label,
          title: label,
          "data-at": `${layer} ${head}`,
          "data-key": place,
          tabindex: isNow ? "0" : "-1",
          "aria-current": isNow ? "true" : undefined,
          onclick: () => takeChoice([undefined, layer, head]),
        },
        differing?.picture ?? smallOf(rounds[0], layer, head),
      );
      button.style.height = `${size}px`;
      grid.append(button);
    }
    if (beside)
      grid.append(
        lengthBeside(
          lengths.find((one) => one.layer === layer),
          lengths,
          longest,
        ),
      );
  }
  grid.addEventListener("keydown", (event) => {
    const [down, across] = ARROWS[event.key] ?? [];
    const at = document.activeElement.dataset.at?.split(" ").map(Number);
    if (down === undefined || !at) return;
    event.preventDefault();
    event.stopPropagation();
    const next = grid.querySelector(`[data-at="${at[0] + down} ${at[1] + across}"]`);
    next?.focus();
    next?.click();
  });
  // A finger that slides over the grids takes each in turn.
  grid.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" || !event.buttons) return;
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-at]");
    if (under && !under.hasAttribute("aria-current")) under.click();
  });
  refill(byId("small").querySelector("div"), grid);
}

function lengthBeside(one, all, longest) {
  if (!one) return element("span");
  const before = all[all.indexOf(one) - 1]?.length ?? 0;
  const bar = element("i", {class: "length"}),
    grown = element("i", {class: "grown"});
  const width = (x) => `${(34 * Math.max(0, x)) / longest}px`;
  bar.style.width = width(Math.min(before, one.length));
  grown.style.width = width(one.grown);
  return element(
    "span",
    {
      class: `beside${one.most ? " most" : ""}`,
      title: `after layer ${one.layer}: ${number(one.length)}, ${signed(one.grown)}`,
    },
    element("span", {class: "bar-pair"}, bar, grown),
    element("span", {}, one.length.toFixed(1)),
    element("small", {}, signed(one.grown)),
  );
}

const smalls = new Map();
// One small grid: a spot for each number, or where there are many the largest of several.
function smallOf(round, layer, head) {
  const name = `${round} ${layer} ${head} ${followed} ${palette.name}`;
  if (!smalls.has(name)) {
    if (smalls.size > 2000) smalls.clear();
    smalls.set(name, drawSmallOf(stackOf(round, layer, head)));
  }
  return smalls.get(name);
}

function drawSmallOf(stack, colour = colourOfStack(stack)) {
  const n = Math.min(64, stack.size);
  const teal = followRgb();
  const from = (i) => Math.floor((i * stack.size) / n),
    to = (i) => Math.max(from(i) + 1, Math.floor(((i + 1) * stack.size) / n));
  return raster(n, n, (y, x) => {
    let best = -1,
      at = null;
    for (let r = from(y); r < to(y); r++)
      for (let c = from(x); c < to(x); c++) {
        const one = Math.abs(stack.at(r, c));
        if (one > best && colour(r, c)) [best, at] = [one, [r, c]];
      }
    const marked = followed >= 0 && from(x) <= followed && followed < to(x);
    if (!at) return undefined;
    const found = colour(...at);
    if (!marked) return found;
    const own = from(y) <= followed && followed < to(y);
    return [...found.slice(0, 3).map((part, i) => part + (teal[i] - part) * (own ? 1 : 0.45)), 255];
  });
}

const followRgb = () => palette.follow.match(/\w\w/g).map((pair) => parseInt(pair, 16));

// -- the chosen one

function drawLarge(rounds, {narrow, width, height}) {
  const [, layer, head] = rounds;
  const heading = title(
    `Layer ${layer}, head ${head}`,
    narrow ? "" : "each row looks at the columns",
  );
  byId("large-title").replaceChildren(...heading);
  const side = narrow ? 44 : 62,
    top = narrow ? 44 : 58;
  const caption = element("p", {class: "caption", id: "large-caption"});
  const room = narrow ? width * 0.53 - 12 : width * 0.33;
  const sizes = [room, narrow ? width * 0.53 + 24 : height - 46, side, top, narrow ? 16 : 40];
  const grid =
    comparing?.large(rounds, ...sizes, caption) ?? attentionGrid("map", ...sizes, caption);
  const link = lineLink(choiceStatement, eventAt(choiceStatement, -1), false);
  refill(
    byId("large").querySelector("div"),
    grid,
    caption,
    narrow ? null : element("p", {class: "to-line"}, link),
  );
}

// -- the ten best

function drawBest(round, {narrow, height}) {
  const found = candidatesOf(round);
  byId("best").hidden = !found;
  if (!found) return;
  const after = data.ids[promptLength() - 1 + round];
  byId("best-title").replaceChildren(
    ...title(
      "Next token",
      `round ${round + 1}${after === undefined ? "" : `, after “${visible(tokenText(after)).replace(/^␣(?=.)/, "")}”`}`,
    ),
  );
  const list = bars(found, false);
  list.style.setProperty(
    "--bar-height",
    `${narrow ? 21 : Math.max(19, Math.min(34, (height - 20) / (found.lines.length + 1.2)))}px`,
  );
  refill(
    byId("best").querySelector("div"),
    list,
    narrow
      ? null
      : element("p", {class: "to-line"}, lineLink(events.statement[found.e], found.e, false)),
  );
}

// -- the way of the data

function stations() {
  return data.stations.flatMap(([name, variable, which]) => {
    const making = statements.flatMap((one, i) =>
      one.targets.includes(variable) && !one.function && one.kind !== "FunctionDef" && ranIn.has(i)
        ? [i]
        : [],
    );
    const statement = making.at(which);
    if (statement === undefined) return [];
    const i = stepAt(statements[statement].first);
    if (i < 0) return [];
    const go = (event) => {
      event.preventDefault();
      goToStep(i);
    };
    const here = stepOf(inHand()) === i;
    return [
      element(
        "a",
        {
          href: `#step-${data.steps[i].number}`,
          onclick: go,
          "data-key": `station ${name}`,
          class: here ? "here" : undefined,
          "aria-label": `${name}: step ${data.steps[i].number}, ${data.steps[i].title}`,
        },
        element("b", {}, name, element("small", {}, String(data.steps[i].number))),
        element("span", {}, stationText(name, variable, statement)),
      ),
    ];
  });
}

function stationText(name, variable, statement) {
  const inLoop = choiceLoops.length && statements[statement].loops.includes(choiceLoops[0]);
  const e = inLoop ? eventAt(statement, -1) : ranIn.get(statement).at(-1);
  const value = e === undefined ? undefined : madeAt(e, variable);
  if (value === undefined || value === null) return "";
  if (statement === choiceStatement && choiceLoops.length === 3)
    return `${nRounds(choiceLoops[1], -1)} × (${counted(nRounds(choiceLoops[2], -1), "head")}, MLP)`;
  if (name === "token" && choiceLoops.length) {
    const taken = takenIn(roundOf(choiceLoops[0]));
    return taken === undefined ? "" : visible(tokenText(taken));
  }
  if (name === "tokens") return counted(promptLength(), "token"); // its loop may be cut
  if (typeof value === "string" || kindOf(value) === "str") return `“${brief(value)}”`;
  if (kindOf(value) === "array") {
    const {shape} = data.arrays[value.array];
    return shape.length === 1 ? `${counted(shape[0], "score")}` : shape.join(" × ");
  }
  const items = isCollection(value) ? itemsOf(value) : [];
  if (items.every(Number.isInteger)) return items.slice(0, 12).join(" ");
  return counted(value.length, name.replace(/s$/, ""));
}
