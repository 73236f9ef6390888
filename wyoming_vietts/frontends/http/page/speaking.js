// Text in, speech out; and what the text became before it was spoken.
import { ask, ServerError } from "./api.js";
import { $, attempt, clearErrorOnInput, keepUp, make, say } from "./dom.js";
import * as history from "./history.js";
import * as lexicon from "./lexicon.js";
import { recall, remember } from "./memory.js";
import { player, playing, speak, stop } from "./player.js";
import { number, sentence, setText, t } from "./texts.js";
import { choose } from "./voices.js";

const MESSAGE = "speak-message";
const SOURCE = "text"; // as the player names it
const TYPING_MILLISECONDS = 300; // between two letters, at most

let timer;

export function start() {
  $("text").value = recall("text", "") || t("sample");
  $("speed").value = recall("speed", 1);
  show();
  $("text").addEventListener("input", () => remember("text", $("text").value));
  $("speed").addEventListener("input", () => {
    remember("speed", Number($("speed").value));
    show();
  });
  history.start(use);
  player.addEventListener("change", showState);
  $("speak").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(MESSAGE, hear);
  });
  $("hear").addEventListener("click", (event) => {
    if (playing() !== SOURCE) return;
    event.preventDefault();
    stop();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault(); // or a button with the focus is pressed as well
    $("speak").requestSubmit();
  });
  $("show-words").addEventListener("click", () => attempt(MESSAGE, toggleWords));
  $("text").addEventListener("input", followText);
  clearErrorOnInput(MESSAGE, $("text"), $("voice"));
}

export function show() {
  $("speed-value").value = `${number(Number($("speed").value), 3)}×`;
  history.show();
}

function use({ input, voice, speed }) {
  $("text").value = input;
  $("speed").value = speed;
  choose(voice);
  for (const field of ["text", "speed"]) $(field).dispatchEvent(new Event("input"));
  $("text").focus();
}

async function hear() {
  const input = $("text").value;
  if (!input.trim()) throw new ServerError("nothing-to-say", "There is nothing to say");
  const [voice, name] = [$("voice").value, $("voice").selectedOptions[0]?.text ?? ""];
  const wanted = { input, voice, speed: Number($("speed").value) };
  if (await speak(SOURCE, () => t("spokenText", name), wanted)) history.add(wanted);
}

function showState() {
  const isPlaying = playing() === SOURCE;
  if ($("hear").classList.contains("stops") === isPlaying) return;
  $("hear").classList.toggle("stops", isPlaying);
  setText($("hear"), isPlaying ? "stop" : "speak");
  say(MESSAGE, isPlaying ? t("speaking") : "");
}

// --- what the text becomes before it is spoken ---

async function toggleWords() {
  $("words").hidden = !$("words").hidden;
  setText($("show-words"), $("words").hidden ? "showWords" : "hideWords");
  if (!$("words").hidden) await showWords();
}

export async function showWords() {
  await showSentences();
  await lexicon.refresh();
}

async function showSentences() {
  const text = $("text").value;
  const { sentences } = text.trim() ? await ask("POST", "api/normalize", { json: { text } }) : { sentences: [] };
  if (text !== $("text").value) return; // a later answer is on its way
  const rows = sentences.map(({ written, spoken }) =>
    make("li", {}, make("div", { className: "written", textContent: written }), make("div", { className: "spoken", textContent: spoken })),
  );
  if (!rows.length) rows.push(make("li", { textContent: sentence("nothing-to-say"), lang: document.documentElement.lang }));
  $("sentences").replaceChildren(...rows);
}

function followText() {
  clearTimeout(timer);
  if ($("words").hidden) return;
  timer = setTimeout(() => keepUp(MESSAGE, showSentences), TYPING_MILLISECONDS);
}
