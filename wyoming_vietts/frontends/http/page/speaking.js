// Text in, speech out; and what the text became before it was spoken.
import { ask, ServerError } from "./api.js";
import { $, attempt, keepUp, make, say } from "./dom.js";
import * as lexicon from "./lexicon.js";
import { player, playing, speak, stop } from "./player.js";
import { number, sentence, setText, t } from "./texts.js";

const MESSAGE = "speak-message";
const SOURCE = "text"; // as the player names it
const TYPING_MILLISECONDS = 300; // between two letters, at most

let timer;

export function start() {
  $("text").value ||= t("sample");
  showSpeed();
  $("speed").addEventListener("input", showSpeed);
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
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("speak").requestSubmit();
  });
  $("show-words").addEventListener("click", () => attempt(MESSAGE, toggleWords));
  $("text").addEventListener("input", followText);
}

export function showSpeed() {
  $("speed-value").value = `${number(Number($("speed").value))}×`;
}

async function hear() {
  const input = $("text").value;
  if (!input.trim()) throw new ServerError("nothing-to-say", "There is nothing to say");
  const [voice, name] = [$("voice").value, $("voice").selectedOptions[0]?.text ?? ""];
  await speak(SOURCE, () => t("spokenText", name), { input, voice, speed: Number($("speed").value) });
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
