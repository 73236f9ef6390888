// The list of voices: hear, rename, delete, and choose the default one.
import { ask } from "./api.js";
import { $, attempt, button, fill, focusRow, keepUp, make, say } from "./dom.js";
import { player, playing, speak, stop } from "./player.js";
import { setText, t } from "./texts.js";

const MESSAGE = "voices-message";
const POLL_MILLISECONDS = 2000;

let timer;

export function start() {
  player.addEventListener("change", showPlaying);
}

// The button of the voice that is heard stops it.
function showPlaying() {
  for (const hear of $("voices").querySelectorAll('[data-action="hear"]')) {
    const isPlaying = playing() === sourceOf(hear.closest("li").dataset.name);
    setText(hear, isPlaying ? "stop" : "hear");
    hear.classList.toggle("stops", isPlaying);
  }
}

function sourceOf(name) {
  return `voice ${name}`;
}

export async function refresh() {
  const { default: byDefault, voices } = await ask("GET", "api/voices");
  const chosen = $("voice").value || byDefault;
  $("voice").replaceChildren(...voices.map(({ name, description }) => new Option(description, name)));
  $("voice").value = voices.some(({ name }) => name === chosen) ? chosen : byDefault;
  const isRenaming = $("voices").querySelector("form");
  if (!isRenaming) fill($("voices"), voices.map((voice) => row(voice, voice.name === byDefault)));
  showPlaying();
  clearTimeout(timer);
  if (voices.some((voice) => !voice.is_ready)) {
    timer = setTimeout(() => keepUp(MESSAGE, refresh), POLL_MILLISECONDS);
  }
}

// Shows a voice that is new: it can be heard with one more key.
export async function introduce(name) {
  await refresh();
  $("voice").value = name;
  focusRow($("voices"), name, "hear");
}

function row(voice, isDefault) {
  const { name, description } = voice;
  const details = [name === description ? "" : name, voice.engine, voice.language, voice.is_ready ? "" : t("preparing")];
  const who = make("div", { className: "who" }, description, " ");
  if (isDefault) who.append(make("span", { className: "badge", textContent: t("byDefault") }));
  who.append(make("small", { textContent: details.filter(Boolean).join(" · ") }));
  const item = make("li", {}, who);
  item.dataset.name = name;
  const add = (key, label, work) => item.append(button(key, label, MESSAGE, work));
  add("hear", t("hearVoice", description), () => hear(voice));
  if (!isDefault) add("makeDefault", t("makeVoiceDefault", description), () => makeDefault(name));
  if (voice.is_cloned) {
    add("rename", t("renameVoice", description), () => rename(item, voice));
    add("remove", t("removeVoice", description), () => remove(voice));
  }
  return item;
}

async function hear({ name, description }) {
  if (playing() === sourceOf(name)) stop();
  else await speak(sourceOf(name), () => t("spokenSample", description), { input: t("greeting"), voice: name, speed: 1 });
}

async function makeDefault(voice) {
  await ask("PUT", "api/default", { json: { voice } });
  $("voice").value = voice;
  await refresh();
}

function rename(item, { name, description }) {
  const field = make("input", { value: description, required: true, maxLength: 60 });
  const form = make("form", { className: "row" }, make("label", {}, t("newName"), " ", field));
  const end = async () => {
    form.remove();
    await refresh();
    focusRow($("voices"), name, "rename");
  };
  form.append(make("button", { type: "submit", textContent: t("keep") }));
  form.append(button("cancel", t("cancel"), MESSAGE, end));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(MESSAGE, async () => {
      await ask("PATCH", `api/voices/${encodeURIComponent(name)}`, { json: { description: field.value } });
      await end();
    });
  });
  item.replaceChildren(form);
  field.focus();
}

async function remove({ name, description }) {
  const { undo } = await ask("DELETE", `api/voices/${encodeURIComponent(name)}`);
  await refresh();
  const back = button("undo", t("undoRemoving", description), MESSAGE, async () => {
    await ask("POST", `api/undo/${encodeURIComponent(undo)}`);
    await introduce(name);
    say(MESSAGE, t("restored", description));
  });
  say(MESSAGE, t("removed", description));
  $(MESSAGE).append(" ", back);
  back.focus();
}
