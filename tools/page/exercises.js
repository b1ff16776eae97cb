// The exercises: what each asks for, and its solutions, which go into the editor.

function startExercises() {
  const list = byId("exercise-list");
  for (const {number, title, task, expect, solutions} of site.exercises) {
    const buttons = solutions.map(({name, edits, request}) =>
      element(
        "button",
        {type: "button", onclick: () => putIn(edits, request), "data-solution": name},
        `Put in: ${name}`,
      ),
    );
    const what = element("div", {class: "expect"});
    what.innerHTML = expect;
    const told = element("p");
    told.innerHTML = task;
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
function putIn(edits, request) {
  byId("exercise-box").close();
  const {length} = original.split("\n");
  if (areEdits(edits, length)) setProgram(applyEdits(original.split("\n"), edits).join("\n"));
  fillRequest(request);
  tellRun("The solution is in the editor. Run shows what it does, Undo or Reset takes it away.");
  showChange();
}
