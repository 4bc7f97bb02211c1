
// Verdicts on pairs.

const pairs = given.pairs.map((pair) => ({ ...pair, verdict: null }));
const byText = new Map(pairs.map((pair) => [pair.id + " " + pair.sha256, pair]));
let current = pairs[0];

function build(pair, number) {
  const card = make("section", "pair");
  card.tabIndex = -1;
  card.dataset.id = pair.id;
  card.setAttribute("aria-label", "Pair " + (number + 1));
  pair.card = card;
  const choices = make("div", "choices");
  pair.buttons = {
    keep: choice("keep", "Keep", () => press(pair, "keep")),
    drop: choice("drop", "Drop", () => press(pair, "drop")),
    fix: choice("fix", "Fix", () => press(pair, "fix")),
  };
  for (const button of Object.values(pair.buttons)) button.tabIndex = 0;
  pair.reason = make("input", "reason");
  pair.reason.dir = "auto";
  pair.reason.placeholder = "Reason, such as: wrong unit in the last step";
  pair.reason.setAttribute("aria-label", "Reason");
  pair.reason.maxLength = 5000;
  pair.reason.addEventListener("input", changed);
  choices.append(...Object.values(pair.buttons), pair.reason);
  card.append(
    make("h2", "", (number + 1) + " of " + pairs.length + " \u00b7 " + visible(pair.node)),
    make("h3", "", "Question"), text(pair.question), make("h3", "", "Answer"), text(pair.answer), choices,
  );
  card.addEventListener("focusin", () => { current = pair; });
  list.append(card);
}

// Text as it was written; code and tables in letters of one width, so that their columns stand.
function text(said) {
  const made = make("p", said.length > 2000 ? "text long" : "text");
  made.dir = "auto";
  const parts = [];
  let isFenced = false;
  for (const line of visible(said).split("\n")) {
    const isFence = /^\s*(```|~~~)/.test(line);
    const isCode = isFenced || isFence || /^( {4}|\t|\|)/.test(line);
    if (isFence) isFenced = !isFenced;
    const last = parts.at(-1);
    last?.isCode === isCode ? last.lines.push(line) : parts.push({ isCode, lines: [line] });
  }
  parts.forEach((part, i) => {
    const end = i + 1 < parts.length ? "\n" : "";
    made.append(make("span", part.isCode ? "code" : "", part.lines.join("\n") + end));
  });
  return made;
}

function correction(pair, what) {
  const label = make("label", "", "Corrected " + what);
  const field = make("textarea");
  field.value = pair[what];
  field.dir = "auto";
  const lines = pair[what].split("\n").reduce((sum, line) => sum + Math.ceil((line.length + 1) / 90), 0);
  field.rows = Math.min(24, Math.max(3, lines));
  field.addEventListener("input", changed);
  label.append(field);
  return [label, field];
}

function openCorrections(pair) {
  if (!pair.corrections) {
    pair.corrections = make("div", "corrections");
    const [question, questionField] = correction(pair, "question");
    const [answer, answerField] = correction(pair, "answer");
    pair.fields = { question: questionField, answer: answerField };
    pair.corrections.append(question, answer);
    pair.card.append(pair.corrections);
  }
  pair.corrections.hidden = false;
}

function show(pair) {
  for (const [name, button] of Object.entries(pair.buttons)) button.setAttribute("aria-pressed", String(pair.verdict === name));
  for (const name of ["keep", "drop", "fix"]) pair.card.classList.toggle("judged-" + name, pair.verdict === name);
  if (pair.verdict === "fix") openCorrections(pair);
  else if (pair.corrections) pair.corrections.hidden = true;
}

function progress() {
  count(pairs.filter((pair) => pair.verdict !== null).length, pairs.length, "judged");
}

function judge(pair, verdict) {
  pair.verdict = verdict;
  show(pair);
  progress();
  changed();
}

const press = (pair, verdict) => judge(pair, pair.verdict === verdict ? null : verdict);

function go(pair) {
  if (!pair) return;
  current = pair;
  pair.card.focus({ preventScroll: true });
  pair.card.scrollIntoView({ block: "start" });
}

function nextOpen() {
  const from = document.activeElement === document.body ? -1 : pairs.indexOf(current);
  const found = [...pairs.slice(from + 1), ...pairs.slice(0, from + 1)].find((pair) => pair.verdict === null);
  found ? go(found) : say("You have judged every pair. Save, and send the file back.");
}

// The text as it was corrected, or null where it is the same. Browsers give a text area's lines with plain line feeds.
function corrected(pair, what) {
  const written = pair.verdict === "fix" ? pair.fields[what].value : pair[what];
  return written === pair[what].replace(/\r\n?/g, "\n") || !written.trim() ? null : written;
}

// What is missing of a pair that somebody has begun to judge, or nothing.
function missing(pair) {
  if (pair.verdict === "fix" && corrected(pair, "question") === null && corrected(pair, "answer") === null) {
    return "is to be fixed, but its text is as it was. Correct it, or drop it.";
  }
  return pair.verdict === null && pair.reason.value.trim() ? "has a reason, but no verdict. Give one, or empty its reason." : "";
}

const KEYS = {
  n: nextOpen, j: () => go(pairs[pairs.indexOf(current) + 1]), b: () => go(pairs[pairs.indexOf(current) - 1]),
  k: () => press(current, "keep"), d: () => press(current, "drop"), u: () => judge(current, null),
  f: () => {
    press(current, "fix");
    if (current.verdict === "fix") current.fields.answer.focus();
  },
  c: () => current.reason.focus(),
};

document.addEventListener("keydown", (event) => {
  if (isTyping(event.target)) {
    if (event.key === "Escape" && event.target !== nameField) current.card.focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !current) return;
  const act = KEYS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
});

document.getElementById("next").addEventListener("click", nextOpen);
document.getElementById("save").addEventListener("click", () => {
  const open = pairs.find(missing);
  if (open) {
    go(open);
    say("Pair " + (pairs.indexOf(open) + 1) + " " + missing(open), true);
    return;
  }
  save("judgements", "reviewer", {
    judgements: pairs.filter((pair) => pair.verdict !== null).map((pair) => ({
      id: pair.id, sha256: pair.sha256, verdict: pair.verdict, reason: pair.reason.value.trim(),
      question: corrected(pair, "question"), answer: corrected(pair, "answer"),
    })),
  });
});

onLoad("reviewer", (found) => {
  for (const pair of pairs) {
    pair.verdict = null;
    pair.reason.value = "";
  }
  let unfit = 0;
  for (const each of found.judgements) {
    const pair = byText.get(each.id + " " + each.sha256);
    if (!pair || !(each.verdict in pair.buttons)) {
      unfit += 1;
      continue;
    }
    pair.verdict = each.verdict;
    pair.reason.value = String(each.reason ?? "");
    if (each.verdict === "fix") {
      openCorrections(pair);
      pair.fields.question.value = each.question ?? pair.question;
      pair.fields.answer.value = each.answer ?? pair.answer;
    }
  }
  pairs.forEach(show);
  progress();
  const told = "Read " + (found.judgements.length - unfit) + " verdicts.";
  return unfit ? told + " " + unfit + " are on pairs that are not here, and are left out." : told;
});

pairs.forEach(build);
progress();
