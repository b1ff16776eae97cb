// The exercises: what each asks for, and its solutions, which go into the editor. Their titles stand
// on top, and lead there.

function startExercises() {
  const list = byId("exercise-list");
  for (const {number, title, task, expect, solutions} of site.exercises) {
    const buttons = solutions.map(({name, words, edits, request}) =>
      element(
        "button",
        {
          type: "button",
          onclick: () => putIn(edits, request, `exercise ${number} (${words})`),
          "data-solution": name,
        },
        `Put in: ${words}`,
      ),
    );
    const what = element("div", {class: "expect"});
    what.innerHTML = expect;
    const told = element("p");
    told.innerHTML = task;
    const lead = () => byId(`exercise-${number}`).scrollIntoView();
    byId("exercise-titles").append(
      element("button", {type: "button", onclick: lead}, `${number}. ${title}`),
    );
    list.append(
      element(
        "li",
        {id: `exercise-${number}`},
        element("h3", {}, `${number}. ${title}`),
        told,
        element(
          "details",
          {},
          element("summary", {}, "Solution, and what to expect"),
          element("div", {class: "solutions"}, ...buttons),
          what,
        ),
      ),
    );
  }
  byId("exercises").addEventListener("click", () => byId("exercise-box").showModal());
}

// A solution goes into the editor, and what it is tried on into the form. Nothing runs yet.
function putIn(edits, request, name) {
  byId("exercise-box").close();
  putApart(edits, request);
  tellRun(
    `The solution of ${name} is in the editor, its lines marked, and its prompt is filled in above. Now press Run. Undo or Reset takes it away.`,
  );
  showChange();
  byId("start").focus({preventScroll: true});
}
