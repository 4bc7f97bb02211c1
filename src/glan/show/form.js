
"use strict";
// What both forms share: the name, the progress, saving, going on from a saved file, and the warning on leaving.

const given = JSON.parse(document.getElementById("data").textContent);
const list = document.getElementById("list");
const nameField = document.getElementById("name");
let isDirty = false;

// Characters that order or hide the text around them are named, so that a text is what it looks like.
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const code = (c) => "\u27e8U+" + c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + "\u27e9";
const visible = (text) => text.replace(UNSEEN, code);

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function choice(className, text, act) {
  const button = make("button", className, text);
  button.type = "button";
  button.tabIndex = -1;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", act);
  return button;
}

function say(text, isBad = false) {
  const message = document.getElementById("message");
  message.textContent = text;
  message.classList.toggle("bad", isBad);
}

function changed() {
  isDirty = true;
  say("Not saved yet.");
}

function count(done, all, what) {
  document.getElementById("count").textContent = done + " of " + all + " " + what;
  const meter = document.getElementById("meter");
  meter.max = Math.max(all, 1);
  meter.value = done;
}

function isTyping(target) {
  return target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type !== "file");
}

function save(what, named, content) {
  const name = nameField.value.trim().replace(/\s+/g, " ");
  if (!name) {
    say("Write your name first: the file has to say whose it is.", true);
    nameField.focus();
    return;
  }
  const blob = new Blob([JSON.stringify({ format: given.format, [named]: name, kind: "person", ...content }, null, 1)],
    { type: "application/json" });
  const link = make("a");
  link.download = what + "-" + (name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "") || "me") + ".json";
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  isDirty = false;
  say("Saved as " + link.download + " in your downloads. Send that file back.");
}

// `take` puts what a saved file says into the form, and says in a sentence what came of it.
function onLoad(named, take) {
  document.getElementById("load").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    try {
      const found = JSON.parse(await file.text());
      const isOurs = found !== null && found.format === given.format && Array.isArray(found.votes ?? found.judgements);
      if (!isOurs) throw new TypeError("it was not saved by a form like this");
      if (isDirty && !confirm("Some of what you did here is not saved. Replace it by what is in the file?")) return;
      nameField.value = String(found[named] ?? "");
      const told = take(found);
      isDirty = false;
      say(told);
    } catch (error) {
      say(file.name + " cannot be read: " + error.message + ".", true);
    }
  });
}

nameField.addEventListener("input", changed);
window.addEventListener("beforeunload", (event) => {
  if (!isDirty) return;
  event.preventDefault();
  event.returnValue = true; // browsers from before 2023 look at this alone
});
