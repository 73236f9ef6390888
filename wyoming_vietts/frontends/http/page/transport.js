// The bar of the player: play and stop, where it is, how loud, and its files.
import { request } from "./api.js";
import { $, attempt, make, toastError } from "./dom.js";
import { recall, remember } from "./memory.js";
import { current, play, player, playing, position, setVolume, speak, stop } from "./player.js";
import { number, setLabel, setText, t } from "./texts.js";
import { wav } from "./wav.js";

const MESSAGE = "player-message";
const TICK_MILLISECONDS = 200;

let isSeeking = false;
let timer;

export function start() {
  player.addEventListener("change", show);
  $("play").addEventListener("click", () => (playing() ? stop() : attempt(MESSAGE, play)));
  $("seek").addEventListener("input", () => {
    isSeeking = true;
    showTime(Number($("seek").value));
  });
  $("seek").addEventListener("change", () => {
    isSeeking = false;
    attempt(MESSAGE, () => play(Number($("seek").value)));
  });
  $("volume").value = recall("volume", 1);
  setVolume(Number($("volume").value));
  $("volume").addEventListener("input", () => {
    setVolume(Number($("volume").value));
    remember("volume", Number($("volume").value));
  });
  $("save-wav").addEventListener("click", () => save(wav(current().pieces, current().sampleRate), "wav"));
  $("save-mp3").addEventListener("click", () => attempt(MESSAGE, saveAsMp3));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && playing()) stop();
  });
}

// A button that plays one thing and, while that is heard, stops it. `wanted` makes the request.
export function hearButton(source, label, title, wanted) {
  const element = make("button", { type: "button", ariaLabel: label });
  element.addEventListener("click", () => (playing() === source ? stop() : speak(source, title, wanted()).catch(toastError)));
  element.dataset.action = "hear";
  element.dataset.source = source;
  showState(element);
  return element;
}

function showState(element) {
  const isPlaying = playing() === element.dataset.source;
  setText(element, isPlaying ? "stop" : "hear");
  element.classList.toggle("stops", isPlaying);
}

export function show() {
  document.querySelectorAll("[data-source]").forEach(showState);
  const track = current();
  $("player").hidden = !track;
  clearInterval(timer);
  if (!track) return;
  const isPlaying = playing() !== null;
  setText($("play"), isPlaying ? "stop" : "playAgain");
  $("play").classList.toggle("stops", isPlaying);
  $("track").textContent = track.label();
  $("seek").disabled = !track.isWhole;
  $("seek").max = track.seconds;
  $("save-wav").disabled = $("save-mp3").disabled = !track.isWhole;
  $("save-mp3").hidden = !track.wanted;
  setLabel($("save-wav"), "saveWav");
  setLabel($("save-mp3"), "saveMp3");
  tick();
  if (isPlaying) timer = setInterval(tick, TICK_MILLISECONDS);
}

function tick() {
  if (isSeeking) return;
  $("seek").value = position();
  showTime(position());
}

function showTime(second) {
  const { isWhole, seconds } = current();
  $("time").textContent = isWhole ? `${clock(second)} / ${clock(seconds)}` : clock(second);
  $("seek").setAttribute("aria-valuetext", t("seconds", number(Math.round(second))));
}

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// The server encodes MP3, so it speaks the text once more.
async function saveAsMp3() {
  $("save-mp3").disabled = true;
  try {
    const json = { ...current().wanted, response_format: "mp3" };
    save(await (await request("POST", "v1/audio/speech", { json })).blob(), "mp3");
  } finally {
    show();
  }
}

function save(blob, format) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: `vietts.${format}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
