// The bar: buttons and keys that move through the run, and the choice of round, layer and head.

let choiceSelects = [];

function newChoices() {
  byId("choices").replaceChildren();
  choiceSelects = choiceLoops.map((loop) => {
    const name = nameOfLoop(loop);
    const select = element("select", {
      id: `choose-${name}`,
      onchange: () => {
        cell = null;
        pick(loop, Number(select.value) - baseOf(loop));
      },
    });
    const by = (direction, text, label) =>
      element(
        "button",
        {
          class: "by",
          "aria-label": label,
          "data-by": String(direction),
          onclick: () => pick(loop, roundOf(loop) + direction),
        },
        text,
      );
    byId("choices").append(
      element(
        "span",
        {class: "choice"},
        element("label", {for: `choose-${name}`}, name),
        by(-1, "‹", `${name} before`),
        select,
        by(1, "›", `next ${name}`),
      ),
    );
    return select;
  });
}

function fillChoices() {
  choiceLoops.forEach((loop, i) => {
    const n = nRounds(loop, -1),
      select = choiceSelects[i],
      round = roundOf(loop);
    if (select.length !== n)
      select.replaceChildren(
        ...Array.from({length: n}, (_, one) => element("option", {}, String(one + baseOf(loop)))),
      );
    select.selectedIndex = round;
    for (const button of select.parentElement.querySelectorAll(".by"))
      button.disabled = !(round + Number(button.dataset.by) in select.options);
  });
}

function drawBar() {
  fillChoices();
  document.body.classList.toggle("stepping", stepping);
  const all = nEvents ? ranIn.get(events.statement[inHand()]) : [];
  byId("next-round").disabled = all.length < 2 || all.at(-1) === inHand();
}

const KEYS = {
  ArrowRight: (event) => step(1, event.shiftKey),
  ArrowLeft: (event) => step(-1, event.shiftKey),
  o: () => stepOver(),
  u: () => stepOut(),
  n: () => nextStep(1),
  p: () => nextStep(-1),
  r: () => nextRound(1),
  R: () => nextRound(-1),
};

function startBar() {
  const act = {
    back: (event) => step(-1, event.shiftKey),
    line: (event) => step(1, event.shiftKey),
    into: () => step(1, true),
    over: () => stepOver(),
    out: () => stepOut(),
    "next-step": () => nextStep(1),
    "next-round": () => nextRound(1),
    help: () => byId("legend").showModal(),
    close: () => byId("legend").close(),
    grip: () => openPane(!document.body.classList.contains("pane-open")),
    more: () => {
      const open = document.body.classList.toggle("more");
      byId("more").setAttribute("aria-expanded", String(open));
    },
  };
  for (const [id, one] of Object.entries(act)) byId(id).addEventListener("click", one);
  byId("legend").addEventListener("click", (event) => {
    if (event.target === byId("legend")) byId("legend").close();
  });
  addEventListener("keydown", (event) => {
    const busy = !nEvents || byId("legend").open || event.ctrlKey || event.altKey || event.metaKey;
    if (busy || event.defaultPrevented || event.target.closest?.("select, input, textarea")) return;
    if (event.key === "Escape") {
      if (document.body.classList.contains("pane-open")) openPane(false);
      else if (stepping) showAll();
    } else if (KEYS[event.key]) {
      event.preventDefault();
      KEYS[event.key](event);
    } else if (ARROWS[event.key]?.[0] && event.target.closest?.("#code")) {
      event.preventDefault();
      neighbour(event.target, ARROWS[event.key][0]);
    }
  });
  byId("code").addEventListener("click", (event) => {
    const heading = event.target.closest("[data-step]");
    if (heading)
      goToStep(data.steps.findIndex((one) => String(one.number) === heading.dataset.step));
  });
}

// Up and down in the code: the focus goes to the line above or below.
function neighbour(from, direction) {
  const all = [...document.querySelectorAll("#code .name, #code summary, #code h2 button")].filter(
    (node) =>
      node.checkVisibility() &&
      !(node.closest(".value") && node.closest(".value").previousElementSibling),
  );
  const box = from.closest(".row, details.fold > summary, h2");
  const at = all.findIndex((node) => node === from || (box && box.contains(node)));
  all[at + direction]?.focus();
}
