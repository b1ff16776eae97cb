// The candidates for the next token, and the lengths of the residual's rows.

// What a round of the main loop took; undefined if it took nothing.
function takenIn(round) {
  const name = data.map.taken;
  const e = (madeBy.get(name) || []).find(
    (other) => events.frame[other] < 0 && events.iterations[other][0] === round,
  );
  return e === undefined ? undefined : madeAt(e, name);
}

// {e, name, lines: [{id, logit, share}]} of a round: the ten best, and the taken one, if it is none.
function candidatesOf(round, only) {
  for (const name of only ? [only] : data.map.candidates) {
    const e = (madeBy.get(name) || []).find(
      (other) =>
        events.frame[other] < 0 && events.iterations[other][0] === round && events.notes[other],
    );
    const note = events.notes[e];
    if (!note?.ids) continue;
    const lines = note.ids.map((id, i) => ({
      id,
      logit: note.logits?.[i],
      share: note.probabilities?.[i],
    }));
    const taken = takenIn(round);
    const value = madeAt(e, name);
    if (taken !== undefined && !note.ids.includes(taken) && value?.array !== undefined) {
      const numbers = numbersOf(value.array);
      const x = numbers[note.logits ? taken : [...idsOf("best", e)].indexOf(taken)];
      if (x !== undefined && note.logits)
        lines.push({id: taken, logit: x, share: shareBeside(lines[0], x)});
      else if (x !== undefined) lines.push({id: taken, share: x});
    }
    const {shape} = data.arrays[value.array];
    return {e, name, lines, taken, others: shape[0] - lines.length};
  }
  return null;
}

// A softmax knows of two scores how much more probable one is; the best one's probability is known.
const shareBeside = (best, logit) =>
  best?.share === undefined ? undefined : best.share * Math.exp(logit - best.logit);

const shareTaken = (round) => {
  const found = candidatesOf(round);
  return found?.lines.find((line) => line.id === found.taken)?.share;
};

// The ten best as bars.
function bars(found, logits) {
  const list = element("ol", {class: "bars"});
  const most = Math.max(...found.lines.map((line) => line.share ?? 0)) || 1;
  for (const {id, logit, share} of found.lines) {
    const bar = element("i", {class: "bar"});
    bar.style.width = `${(100 * (share ?? 0)) / most}%`;
    list.append(
      element(
        "li",
        {class: id === found.taken ? "taken" : "", "data-id": String(id)},
        element("span", {class: "token"}, id === found.taken ? "▸ " : "", shown(tokenText(id))),
        element("span", {class: "track"}, bar),
        logits && logit !== undefined
          ? element("span", {class: "logit", title: "logit"}, number(logit))
          : null,
        element("span", {class: "share"}, percent(share)),
        id === found.taken ? element("span", {class: "sr"}, "taken") : null,
      ),
    );
  }
  const rest = 1 - found.lines.reduce((sum, line) => sum + (line.share ?? 0), 0);
  if (found.others > 0 && rest < 1)
    list.append(
      element(
        "li",
        {class: "rest"},
        element("span", {class: "others"}, `${counted(found.others, "other")} share`),
        element("span", {class: "share"}, percent(Math.max(0, rest))),
      ),
    );
  return list;
}

// The lengths of a row of the residual in a round: [{name, layer, e, length}], the embedding first.
function lengthsIn(round) {
  const name = data.map.rows;
  const all = (madeBy.get(name) || []).filter(
    (e) => events.frame[e] < 0 && Array.isArray(events.notes[e]) && madeAt(e, name)?.array >= 0,
  );
  const inLayers = all.filter((e) => {
    const {loops} = statements[events.statement[e]];
    return loops.length > 1 && loops[1] === choiceLoops[1] && events.iterations[e][0] === round;
  });
  if (!inLayers.length) return [];
  const lastOf = new Map(inLayers.map((e) => [events.iterations[e][1], e]));
  const before = all.findLast((e) => e < inLayers[0]);
  const length = (e) => {
    const note = events.notes[e],
      start = startOf(axesOf(inLayers[0])[0], inLayers[0]);
    const row = followed >= 0 && start !== undefined ? followed - start : -1;
    return note[row >= 0 && row < note.length ? row : note.length - 1];
  };
  const found = before === undefined ? [] : [{name: "embedding", layer: -1, e: before}];
  for (const [layer, e] of lastOf) found.push({name: `layer ${layer}`, layer, e});
  found.forEach((one, i) => {
    one.length = length(one.e);
    one.grown = i ? one.length - found[i - 1].length : 0;
  });
  const most = Math.max(...found.slice(1).map((one) => one.grown));
  for (const one of found) one.most = one.layer >= 0 && one.grown === most;
  return found;
}

const signed = (x) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(1)}`;

// The layers' additions as bars, in the pane.
function lengthsList(round, here) {
  const found = lengthsIn(round);
  if (found.length < 2) return null;
  const most = Math.max(...found.map((one) => one.length));
  const list = element("ol", {class: "lengths"});
  for (const one of found) {
    const bar = element("i", {class: "bar"});
    bar.style.width = `${(100 * one.length) / most}%`;
    list.append(
      element(
        "li",
        {class: one.layer === here ? "here" : ""},
        element("span", {}, one.name),
        element("span", {class: "track"}, bar),
        element("span", {class: "share"}, one.length.toFixed(1)),
        element(
          "span",
          {class: one.most ? "grown most" : "grown"},
          one.layer < 0 ? "" : signed(one.grown),
        ),
      ),
    );
  }
  return list;
}
