// Small helpers for elements and messages.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
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
