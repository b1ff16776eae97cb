// The runner beside the reader's own editor: walkthrough.py --live, which serves this page.

function servedRunner() {
  const tab = crypto.randomUUID();

  async function run(request, on) {
    let why = "lost";
    try {
      const answer = await fetch(`run?${tab}`, {method: "POST", body: JSON.stringify(request)});
      if (!answer.ok) throw new Error(answer.status);
      for await (const line of linesOf(answer.body)) {
        const [[name, value]] = Object.entries(JSON.parse(line));
        if (name === "ended") why = value;
        else on[name](value);
      }
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
    } finally {
      on.ended(why);
    }
  }

  return {
    models: async () => (await fetch("models")).json(),
    run,
    stop: () => fetch(`stop?${tab}`, {method: "POST"}),
    onSource(call) {
      const saved = new EventSource(`saved?${tab}`);
      saved.onmessage = (event) => call(JSON.parse(event.data));
      saved.onerror = () => call({lost: true});
      saved.onopen = () => call({lost: false});
    },
  };
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
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
