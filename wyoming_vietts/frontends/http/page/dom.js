// Small helpers for elements, lists and messages.
import { t } from "./texts.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A button for one of several rows: a short text to see, a long one to be read out.
export function button(key, label, messageId, work) {
  const element = make("button", { type: "button", textContent: t(key), ariaLabel: label });
  element.dataset.action = key;
  element.addEventListener("click", () => attempt(messageId, work));
  return element;
}

// Replaces the rows of a list; whoever uses the keyboard stays at the same button of the same row.
export function fill(list, rows) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const [name, action] = [focused?.closest("li")?.dataset.name, focused?.dataset.action];
  list.replaceChildren(...rows);
  if (focused) focusRow(list, name, action);
}

export function focusRow(list, name, action) {
  const row = [...list.querySelectorAll("li")].find((each) => each.dataset.name === name);
  (row?.querySelector(`[data-action="${action}"]`) ?? row?.querySelector("button"))?.focus();
}

// A button that opens further buttons; a click elsewhere or Escape closes them.
export function menu(label, buttons) {
  const opener = make("summary", { textContent: "⋯", ariaLabel: label, role: "button" });
  const element = make("details", { className: "menu" }, opener, make("div", {}, ...buttons));
  opener.dataset.action = "more";
  return element;
}

export function closeMenus(event) {
  for (const open of document.querySelectorAll(".menu[open]")) {
    if (event.type === "click" && open.firstChild.contains(event.target)) continue;
    if (event.type === "keydown" && event.key !== "Escape") continue;
    open.open = false;
    if (event.type === "keydown") event.preventDefault();
    if (event.type === "keydown" || open.contains(event.target)) open.firstChild.focus();
  }
}

const TOAST_MILLISECONDS = 20_000;
const toastTimers = {};

// Tells something for a while, without moving the page.
export function toast(text, id = "toast") {
  say(id, text);
  clearTimeout(toastTimers[id]);
  toastTimers[id] = setTimeout(() => say(id, ""), TOAST_MILLISECONDS);
}

// Offers for a while to undo something; no other message takes the place of the offer.
export function offerUndo(text, label, undo) {
  toast(text, "undo");
  const element = button("undo", label, "toast", async () => {
    await undo();
    say("undo", "");
  });
  $("undo").append(" ", element);
  element.focus({ preventScroll: true });
}

// What must be done on the server first, in numbered steps to copy.
export function steps(todo) {
  const step = ({ kind, text }) => {
    if (kind === "download") return make("li", {}, t("step-download"), " ", make("a", { href: `#download-${text}`, textContent: text }));
    if (kind === "restart") return make("li", { textContent: howToRestart() });
    if (kind !== "command") return make("li", { textContent: t(`step-${kind}`, text) });
    const item = make("li", {}, t("step-command"), " ");
    item.append(make("code", { textContent: text }), " ", button("copy", t("copyCommand"), "toast", () => copy(text)));
    return item;
  };
  return make("ol", { className: "steps" }, ...todo.map(step));
}

export function howToRestart() {
  const isInApp = location.pathname.includes("/hassio_ingress/"); // Home Assistant's
  return t(isInApp ? "restartApp" : "restart");
}

export function toastError(error) {
  toast(error.message);
  $("toast").classList.add("wrong");
}

// A place to drop files on, with a field to choose them.
export function dropZone(zone, field, onFiles) {
  for (const [event, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    zone.addEventListener(event, (moved) => {
      moved.preventDefault();
      zone.classList.toggle("over", isOver);
    });
  }
  zone.addEventListener("drop", ({ dataTransfer }) => dataTransfer.files.length && onFiles([...dataTransfer.files]));
  field.addEventListener("change", () => {
    const files = [...field.files];
    field.value = ""; // the same files may be chosen again
    if (files.length) onFiles(files);
  });
}

export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = make("textarea", { value: text, className: "unseen" }); // over HTTP there is only the old way
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

export function say(id, text, isWrong = false) {
  const element = $(id);
  element.replaceChildren(text);
  element.classList.toggle("wrong", isWrong);
}

// Clears a message about an error when the user changes one of the fields that may have caused it.
export function clearErrorOnInput(id, ...fields) {
  const clear = () => $(id).classList.contains("wrong") && say(id, "");
  for (const field of fields) field.addEventListener("input", clear);
}

// Does what a button asks for; what goes wrong is told beside it.
export function attempt(messageId, work) {
  say(messageId, "");
  return keepUp(messageId, work);
}

// The same, for what the page does by itself: the last message stays. Returns whether it succeeded.
export async function keepUp(messageId, work) {
  try {
    await work();
    return true;
  } catch (error) {
    say(messageId, error.message, true);
    if (["unreachable", "cut-off"].includes(error.code) && messageId !== "status") document.dispatchEvent(new Event("connectionloss"));
    return false;
  }
}
