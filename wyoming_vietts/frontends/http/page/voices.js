// The list of voices: hear, rename, delete, and choose the default one.
import { ask } from "./api.js";
import { $, attempt, keepUp, make, say } from "./dom.js";
import { speak } from "./player.js";
import { t } from "./texts.js";

const MESSAGE = "voices-message";
const POLL_MILLISECONDS = 2000;

export async function refresh() {
  const { default: byDefault, voices } = await ask("GET", "api/voices");
  const chosen = $("voice").value || byDefault;
  $("voice").replaceChildren(...voices.map(({ name, description }) => make("option", { value: name, textContent: description })));
  $("voice").value = voices.some(({ name }) => name === chosen) ? chosen : byDefault;
  $("voices").replaceChildren(...voices.map((voice) => row(voice, voice.name === byDefault)));
  if (voices.some((voice) => !voice.is_ready)) setTimeout(pollUnlessRenaming, POLL_MILLISECONDS);
}

function pollUnlessRenaming() {
  if (!$("voices").querySelector("form")) keepUp(MESSAGE, refresh);
}

function row(voice, isDefault) {
  const { name, description } = voice;
  const details = [name, voice.engine, voice.language, voice.is_ready ? "" : t("preparing")].filter(Boolean).join(" · ");
  const item = make("li", {}, make("div", { className: "who" }, description, make("small", { textContent: details })));
  item.dataset.voice = name;
  item.append(button("hear", t("hearVoice", description), () => speak(t("greeting", description), name, 1)));
  if (isDefault) item.append(make("span", { className: "badge", textContent: t("byDefault") }));
  else item.append(button("makeDefault", t("makeVoiceDefault", description), () => makeDefault(name)));
  if (voice.is_cloned) {
    item.append(button("rename", t("renameVoice", description), () => item.replaceChildren(renaming(voice))));
    item.append(button("remove", t("removeVoice", description), () => remove(voice)));
  }
  return item;
}

function button(key, label, work) {
  const element = make("button", { type: "button", textContent: t(key), ariaLabel: label });
  element.addEventListener("click", () => attempt(MESSAGE, work));
  return element;
}

async function makeDefault(voice) {
  await ask("PUT", "api/default", { json: { voice } });
  await refresh();
}

function renaming({ name, description }) {
  const field = make("input", { value: description, required: true, maxLength: 60 });
  const form = make("form", { className: "row" }, make("label", {}, t("newName"), " ", field));
  form.append(make("button", { type: "submit", textContent: t("keep") }), button("cancel", t("cancel"), refresh));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(MESSAGE, async () => {
      await ask("PATCH", `api/voices/${encodeURIComponent(name)}`, { json: { description: field.value } });
      await refresh();
    });
  });
  setTimeout(() => field.focus());
  return form;
}

async function remove({ name, description }) {
  const { undo } = await ask("DELETE", `api/voices/${encodeURIComponent(name)}`);
  await refresh();
  say(MESSAGE, t("removed", description));
  const back = button("undo", t("undo"), async () => {
    await ask("POST", `api/undo/${encodeURIComponent(undo)}`);
    await refresh();
    say(MESSAGE, t("restored", description));
  });
  $(MESSAGE).append(back);
  back.focus();
}
