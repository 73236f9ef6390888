// The list of voices: hear, rename, delete, choose the default one, and use one in Home Assistant.
import { ask } from "./api.js";
import { $, attempt, button, clearErrorOnInput, copy, fill, focusRow, keepUp, make, menu, offerUndo, say, toast } from "./dom.js";
import { recall, remember } from "./memory.js";
import { current, stop } from "./player.js";
import { engineName, t } from "./texts.js";
import { hearButton } from "./transport.js";

const MESSAGE = "voices-message";
const POLL_MILLISECONDS = 2000;
const MEDIA_PLAYER = "media_player.phong_khach"; // an example
const MANY = 10; // from here on they are searched, and in groups

let timer;
let shown = { voices: [], byDefault: null };

export function start() {
  $("search").addEventListener("input", list);
  $("voice").addEventListener("change", () => remember("voice", $("voice").value));
  $("sample").value = recall("sample", "");
  $("sample").placeholder = t("greeting");
  $("sample").addEventListener("input", () => remember("sample", $("sample").value));
}

export function hearVoice(name) {
  const { description } = shown.voices.find((voice) => voice.name === name);
  const wanted = () => ({ input: sample(), voice: name, speed: 1 });
  return hearButton(`voice ${name}`, t("hearVoice", description), () => t("spokenSample", description), wanted);
}

// What a voice says to be heard: the user's own sentence, or ours.
function sample() {
  return $("sample").value.trim() || t("greeting");
}

// Chooses a voice to speak with, unless it is gone.
export function choose(name) {
  if (!has(name)) return;
  $("voice").value = name;
  remember("voice", name);
}

export async function refresh() {
  const { default: byDefault, voices } = await ask("GET", "api/voices");
  const hasChanged = shown.voices.length && shown.voices.length !== voices.length;
  const isOtherDefault = shown.byDefault && byDefault && shown.byDefault !== byDefault; // by itself
  shown = { voices, byDefault };
  if (hasChanged) document.dispatchEvent(new Event("voiceschange"));
  const chosen = recall("voice", byDefault);
  $("voice").replaceChildren(...choices());
  $("voice").value = voices.some(({ name }) => name === chosen) ? chosen : byDefault;
  $("search-row").hidden = voices.length < MANY;
  if (!$("voices").querySelector("form, .menu[open]")) list(); // or it would end what somebody does there
  if (isOtherDefault) say(MESSAGE, t("otherDefault", voices.find(({ name }) => name === byDefault)?.description ?? byDefault));
  clearTimeout(timer);
  if (voices.some((voice) => !voice.is_ready)) {
    timer = setTimeout(() => keepUp(MESSAGE, refresh), POLL_MILLISECONDS);
  }
}

export function has(name) {
  return shown.voices.some((voice) => voice.name === name);
}

// Shows a voice that is new, and returns its label: it can be heard with one more key.
export async function introduce(name) {
  $("search").value = "";
  remember("voice", name);
  await refresh();
  focusRow($("voices"), name, "hear");
  return shown.voices.find((voice) => voice.name === name)?.label;
}

// --- the list ---

function list() {
  const wanted = plain($("search").value);
  const found = shown.voices.filter(({ name, description }) => plain(`${name} ${description}`).includes(wanted));
  const rows = (voices, title) => make("ul", { className: "rows" }, ...voices.map((voice) => row(voice, title)));
  if (!found.length && wanted) fill($("voices"), [make("p", { className: "soft", textContent: t("noVoice") })]);
  else if (shown.voices.length < MANY) fill($("voices"), [rows(found)]);
  else fill($("voices"), groups(found).flatMap(([title, voices]) => [make("h3", { textContent: title }), rows(voices, title)]));
}

function choices() {
  const options = (voices) => voices.map(({ name, description }) => new Option(description, name));
  if (shown.voices.length < MANY) return options(shown.voices);
  return groups(shown.voices).map(([label, voices]) => make("optgroup", { label }, ...options(voices)));
}

// Titles and voices: the user's own first.
function groups(voices) {
  const found = new Map();
  for (const voice of voices) {
    const title = voice.is_cloned ? t("myVoices") : engineName(voice.engine);
    found.set(title, [...(found.get(title) ?? []), voice]);
  }
  return [...found].sort(([, [one]], [, [other]]) => other.is_cloned - one.is_cloned);
}

// Letters without case and marks, as people type them in a hurry.
function plain(text) {
  return text.trim().toLowerCase().normalize("NFD").replaceAll(/\p{M}/gu, "").replaceAll("đ", "d");
}

// Of a group with this title, if there are groups.
function row(voice, title = "") {
  const { name, description } = voice;
  const isDefault = name === shown.byDefault;
  const said = `${title} ${description}`.toLowerCase();
  const badges = [engineName(voice.engine), t("regions")[voice.region]].filter((text) => text && !said.includes(text.toLowerCase()));
  if (!voice.is_ready) badges.push(t("preparing"));
  const who = make("div", { className: "who" }, make("span", { textContent: description }), " ");
  if (isDefault) who.append(make("span", { className: "badge main", textContent: t("byDefault") }), " ");
  for (const badge of badges) who.append(make("span", { className: "badge", textContent: badge }), " ");
  if (name !== description) who.append(make("small", { textContent: name }));
  const item = make("li", {});
  item.dataset.name = name;
  const items = [];
  const add = (key, label, work) => items.push(button(key, label, MESSAGE, work));
  if (!isDefault) add("makeDefault", t("makeVoiceDefault", description), () => makeDefault(name));
  add("copyYaml", t("copyYamlOfVoice", description), () => copyYaml(voice));
  if (voice.can_be_renamed) add("rename", t("renameVoice", description), () => rename(item, voice));
  if (voice.can_be_deleted) add("remove", t("removeVoice", description), () => remove(voice));
  item.append(hearVoice(name), who, menu(t("moreOfVoice", description), items));
  return item;
}

// --- the menu ---

async function makeDefault(voice) {
  await ask("PUT", "api/default", { json: { voice } });
  shown.byDefault = voice;
  remember("voice", voice);
  await refresh();
}

async function copyYaml({ name, description }) {
  const yaml = [
    "action: tts.speak",
    "target:",
    "  entity_id: tts.vietts",
    "data:",
    `  media_player_entity_id: ${MEDIA_PLAYER}`,
    `  message: ${JSON.stringify(sample())}`,
    "  language: vi-VN",
    "  options:",
    `    voice: ${JSON.stringify(name)}`,
  ];
  await copy(`${yaml.join("\n")}\n`);
  toast(t("yamlCopied", description, MEDIA_PLAYER));
}

function rename(item, { name, label }) {
  const field = make("input", { value: label, required: true, maxLength: 60 });
  const form = make("form", { className: "row" }, make("label", {}, t("newName"), " ", field));
  const end = async () => {
    form.remove();
    await refresh();
    focusRow($("voices"), name, "more");
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
  clearErrorOnInput(MESSAGE, form);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    attempt(MESSAGE, end);
  });
  item.replaceChildren(form);
  field.select();
}

async function remove({ name, description }) {
  if (current()?.wanted?.voice === name) stop();
  const { undo, names } = await ask("DELETE", `api/voices/${encodeURIComponent(name)}`);
  await refresh();
  offerUndo(names.length > 1 ? t("removedAll", names.length) : t("removed", description), t("undoRemoving", description), async () => {
    await ask("POST", `api/undo/${encodeURIComponent(undo)}`);
    await introduce(name);
    toast(t("restored", description));
  });
}
