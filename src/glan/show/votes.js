
// Votes on a tree.

const elements = given.elements.map((element) => ({ ...element, vote: null, children: [] }));
const byId = new Map(elements.map((element) => [element.id, element]));
for (const element of elements) byId.get(element.above)?.children.push(element);
const leaves = (element) => element.kind === "branch" ? element.children.reduce((sum, child) => sum + leaves(child), 0) : 1;
const byRow = new WeakMap();
let current = elements[0];

function build(element, into) {
  const row = make("div", "row is-" + element.kind);
  row.setAttribute("role", "treeitem");
  row.setAttribute("aria-level", element.depth + 1);
  row.tabIndex = element === current ? 0 : -1;
  row.dataset.id = element.id;
  byRow.set(row, element);
  element.row = row;
  element.fold = make("button", "fold", element.children.length ? "▾" : "");
  element.fold.type = "button";
  element.fold.tabIndex = -1;
  element.fold.hidden = !element.children.length;
  element.fold.setAttribute("aria-label", "Fold");
  element.fold.addEventListener("click", () => fold(element, !element.isFolded));
  const title = make("span", "title", visible(element.title));
  if (element.kind === "branch") {
    const number = leaves(element);
    title.append(make("span", "size", "  " + number + (number === 1 ? " topic" : " topics")));
  } else if (element.kind === "subject") {
    title.append(make("span", "size", "  subject"));
  }
  if (element.named) title.append(make("span", "size", "  named by " + element.named));
  const choices = make("span", "choices");
  element.buttons = {
    keep: choice("keep", "Keep", () => press(element, "keep")),
    remove: choice("remove", "Remove", () => press(element, "remove")),
  };
  const note = choice("note", "Comment", () => comment(element));
  note.removeAttribute("aria-pressed");
  choices.append(element.buttons.keep, element.buttons.remove, note);
  element.field = make("input", "comment");
  element.field.dir = "auto";
  element.field.placeholder = "Why, or what should stand here instead";
  element.field.setAttribute("aria-label", "Comment on " + visible(element.title));
  element.field.maxLength = 5000;
  element.field.hidden = true;
  element.field.tabIndex = -1;
  element.field.addEventListener("input", changed);
  element.field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "Escape") row.focus();
    event.stopPropagation();
  });
  row.append(element.fold, title, choices, element.field);
  row.addEventListener("focusin", () => move(element));
  into.append(row);
  if (element.children.length) {
    element.branch = make("div", "branch");
    element.branch.setAttribute("role", "group");
    row.setAttribute("aria-expanded", "true");
    for (const child of element.children) build(child, element.branch);
    into.append(element.branch);
  }
}

function move(element) {
  current.row.tabIndex = -1;
  current = element;
  current.row.tabIndex = 0;
}

function go(element) {
  if (!element) return;
  for (let above = byId.get(element.above); above; above = byId.get(above.above)) fold(above, false);
  element.row.focus();
  element.row.scrollIntoView({ block: "nearest" });
}

function fold(element, isFolded) {
  if (!element.branch) return;
  element.isFolded = isFolded;
  element.branch.hidden = isFolded;
  element.fold.textContent = isFolded ? "▸" : "▾";
  element.row.setAttribute("aria-expanded", String(!isFolded));
}

function show(element) {
  for (const [name, button] of Object.entries(element.buttons)) button.setAttribute("aria-pressed", String(element.vote === name));
  element.row.classList.toggle("voted-keep", element.vote === "keep");
  element.row.classList.toggle("voted-remove", element.vote === "remove");
  element.field.hidden = !element.field.value;
}

function progress() {
  count(elements.filter((element) => element.vote !== null).length, elements.length, "voted on");
}

function vote(element, choice) {
  element.vote = choice;
  show(element);
  progress();
  changed();
}

const press = (element, choice) => vote(element, element.vote === choice ? null : choice);

function comment(element) {
  element.field.hidden = false;
  element.field.focus();
}

const isShown = (element) => element.row.offsetParent !== null;

function step(by) {
  const shown = elements.filter(isShown);
  return shown[shown.indexOf(current) + by];
}

function nextOpen() {
  const from = elements.indexOf(current);
  const found = [...elements.slice(from + 1), ...elements.slice(0, from + 1)].find((element) => element.vote === null);
  found ? go(found) : say("You have voted on everything. Save, and send the file back.");
}

function right() {
  current.isFolded ? fold(current, false) : go(current.children[0]);
}

function left() {
  current.children.length && !current.isFolded ? fold(current, true) : go(byId.get(current.above));
}

const KEYS = {
  ArrowDown: () => go(step(1)), ArrowUp: () => go(step(-1)), ArrowRight: right, ArrowLeft: left,
  k: () => press(current, "keep"), r: () => press(current, "remove"), u: () => vote(current, null),
  c: () => comment(current), n: nextOpen,
};

document.addEventListener("keydown", (event) => {
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.getElementById("next").addEventListener("click", nextOpen);
document.getElementById("save").addEventListener("click", () => save("ballot", "voter", {
  tree: given.tree,
  votes: elements.filter((element) => element.vote !== null || element.field.value.trim())
    .map((element) => ({ id: element.id, vote: element.vote, comment: element.field.value.trim() })),
}));

onLoad("voter", (found) => {
  for (const element of elements) {
    element.vote = null;
    element.field.value = "";
  }
  let unfit = 0;
  for (const each of found.votes) {
    const element = byId.get(each.id);
    if (!element) {
      unfit += 1;
      continue;
    }
    element.vote = each.vote === "keep" || each.vote === "remove" ? each.vote : null;
    element.field.value = String(each.comment ?? "");
  }
  elements.forEach(show);
  progress();
  const told = "Read " + (found.votes.length - unfit) + " votes and comments.";
  return unfit ? told + " " + unfit + " are on topics that are not here any more, and are left out." : told;
});

for (const element of elements) if (!byId.has(element.above)) build(element, list);
progress();
