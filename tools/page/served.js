// The runner beside the reader's own editor: walkthrough.py --live, which serves this page.

const EVERY = 200; // milliseconds between questions whether the program was saved

function servedRunner() {
  const tab = crypto.randomUUID();
  let ran = Infinity; // how often the program was saved when it ran here last

  async function run(request, on) {
    const lines = linesOf(fetch(`run?${tab}`, {method: "POST", body: JSON.stringify(request)}));
    let why = "lost";
    try {
      for (;;) {
        const {value: line, done} = await lines.next().catch(() => ({done: true})); // it has gone
        if (done) return;
        const [[name, value]] = Object.entries(JSON.parse(line));
        if (name === "ended") why = value;
        else if (name === "began") ran = value;
        else on[name](value);
      }
    } catch (error) {
      why = `The page cannot show this run (${error.message}), so it shows the run before.`;
      throw error;
    } finally {
      on.ended(why);
    }
  }

  return {
    models: async () => (await fetch("models")).json(),
    run,
    stop: () => fetch(`stop?${tab}`, {method: "POST"}),
    onSource(call) {
      let told = null, // the problem that was told
        seen = 0; // the save that was told, as another tab's
      const look = async () => {
        const state = await fetch(`saved?${tab}`)
          .then((answer) => answer.json())
          .catch(() => null); // who serves the page is gone
        setTimeout(look, state ? EVERY : 5 * EVERY);
        call({lost: !state});
        if (!state) return;
        const {saved, problem, yours} = state;
        if (problem !== told) {
          told = problem;
          if (problem) call({problem});
        }
        if (saved <= ran) return;
        if (yours) ran = saved;
        else if (saved === seen) return;
        seen = saved;
        call({yours});
      };
      look();
    },
  };
}

// The lines of what is answered, each once it is whole.
async function* linesOf(asked) {
  const answer = await asked;
  if ([400, 413].includes(answer.status))
    yield JSON.stringify({ended: `The server refused this run. ${await answer.text()}`});
  if (!answer.ok) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let parts = [];
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const pieces = value.split("\n");
    while (pieces.length > 1) {
      yield parts.join("") + pieces.shift();
      parts = [];
    }
    parts.push(pieces[0]);
  }
}

startRun(servedRunner());
