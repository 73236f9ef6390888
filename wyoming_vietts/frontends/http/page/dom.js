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
  const row = [...list.children].find((each) => each.dataset.name === name);
  (row?.querySelector(`[data-action="${action}"]`) ?? row?.querySelector("button"))?.focus();
}

export function say(id, text, isWrong = false) {
  const element = $(id);
  element.replaceChildren(text);
  element.classList.toggle("wrong", isWrong);
}

// Does what a button asks for; what goes wrong is told beside it.
export function attempt(messageId, work) {
  say(messageId, "");
  return keepUp(messageId, work);
}

// The same, for what the page does by itself: the last message stays.
export async function keepUp(messageId, work) {
  try {
    await work();
  } catch (error) {
    say(messageId, error.message, true);
  }
}
