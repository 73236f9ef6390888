// Voices and models from the hub. The server knows how far they are, so a reload changes nothing.
import { ask } from "./api.js";
import { $, button, fill, howToRestart, keepUp, make, say, steps, toast } from "./dom.js";
import { about, licenceOf, megabytes, setText, size, t, timeLeft } from "./texts.js";
import { has, hearVoice, refresh as refreshVoices } from "./voices.js";

const MESSAGE = "downloads-message";
const POLL_MILLISECONDS = 1000;
const RESCAN_MILLISECONDS = 2500; // the server looks for new voices every two seconds
const SMALL_VOICE = "vi_VN-vais1000-tiny";
const NEEDED_TO_CLONE = { vietts: ["vietts"], vieneu: ["vieneu", "vieneu-cloning"] }; // downloads, by engine

let timer = null;
let status = {};
let shown = "";
const begun = new Map(); // name of a download under way -> { at, progress } when the page saw it first

export async function refresh() {
  const { downloads } = await ask("GET", "api/downloads");
  const running = downloads.filter(({ progress }) => progress !== null);
  for (const name of begun.keys()) if (!running.some((each) => each.name === name)) begun.delete(name);
  for (const { name, progress } of running) if (!begun.has(name)) begun.set(name, { at: Date.now(), progress });
  const state = JSON.stringify([document.documentElement.lang, downloads.map((each) => ({ ...each, progress: each.progress !== null }))]);
  if (state !== shown) {
    shown = state; // the bars stay otherwise: new ones would be read out anew each second
    fill($("downloads"), downloads.map(row));
    const offered = downloads.filter(({ name, needs, is_there: isThere }) => t("offered")[name] && !needs && !isThere);
    fill($("natural-voices"), offered.map(offer));
    showBanner();
  }
  running.forEach(advance);
  clearTimeout(timer);
  if (running.length) timer = setTimeout(() => keepUp(MESSAGE, poll), POLL_MILLISECONDS);
  return downloads;
}

// The banner, while there is no voice but a robot's, or the small one that a server fetches by itself.
export function show(now) {
  status = now;
  showBanner();
}

function showBanner() {
  const { has_embedded_only: isRobot, voices } = status;
  const isSmall = voices === 1 && has(SMALL_VOICE);
  $("robot").hidden = !(isRobot || isSmall) || !$("natural-voices").children.length;
  setText($("robot-heading"), isSmall ? "smallHeading" : "robotHeading");
}

async function poll() {
  const before = new Set(begun.keys());
  const downloads = await refresh();
  const done = downloads.filter(({ name, is_there: isThere }) => before.has(name) && isThere);
  if (!done.length) return;
  document.dispatchEvent(new Event("downloadend"));
  setTimeout(() => keepUp(MESSAGE, () => announce(done, downloads)), RESCAN_MILLISECONDS);
}

async function announce(done, downloads) {
  await refreshVoices();
  for (const { name } of done) {
    toast(t("downloaded", name));
    if (needsRestart(name, downloads)) $("toast").append(" ", howToRestart());
    if (has(name)) $("toast").append(" ", hearVoice(name));
  }
}

// Whether a download was the last that cloning with an engine needs: the server starts to clone when it starts.
function needsRestart(name, downloads) {
  const isThere = (needed) => downloads.some((each) => each.name === needed && each.is_there);
  const isCompletedBy = ([engine, needed]) => needed.includes(name) && needed.every(isThere) && !status.clones_with.includes(engine);
  return Object.entries(NEEDED_TO_CLONE).some(isCompletedBy);
}

function row(download) {
  const { name, description, licence, is_there: isThere, install } = download;
  const terms = make("details", {}, make("summary", { textContent: t("licence") }), make("small", { textContent: licenceOf(name, licence) }));
  const what = make("div", { className: "what" }, about(name, description), make("small", { textContent: `${name} · ${size(download.megabytes)}` }), terms);
  const item = make("li", {}, what);
  item.dataset.name = name;
  item.id = `download-${name}`;
  if (isThere) item.append(make("span", { className: "badge", textContent: t("isThere") }));
  else if (install) what.append(make("details", {}, make("summary", { textContent: t("needsPackages") }), steps([install])));
  else item.append(...controls(download));
  return item;
}

// The same download in the banner: a sentence and a button.
function offer(download) {
  const item = make("li", {}, make("div", { textContent: t("offered")[download.name].what }), ...controls(download));
  item.dataset.name = download.name;
  const start = item.querySelector('[data-action="download"]');
  if (start) start.textContent = t("offered")[download.name].button(size(download.megabytes));
  return item;
}

function controls({ name, progress, error }) {
  if (progress !== null) {
    const bar = make("progress", { max: 1, ariaLabel: t("progress", name) });
    bar.dataset.name = name;
    const far = make("small", { className: "far" });
    far.dataset.name = name;
    return [make("div", { className: "bar" }, bar, far), button("cancel", t("cancelDownload", name), MESSAGE, () => change("DELETE", name))];
  }
  const again = button(error ? "retry" : "download", t("downloadWhat", name), MESSAGE, () => change("POST", name));
  if (!error) return [again];
  const details = make("details", {}, make("summary", { textContent: t("details") }), make("span", { lang: "en", textContent: error }));
  return [again, make("div", { className: "wrong", role: "alert" }, t("downloadFailed"), details)];
}

async function change(method, name) {
  await ask(method, `api/downloads/${encodeURIComponent(name)}`);
  say(MESSAGE, "");
  await refresh();
}

function advance({ name, progress, megabytes: all }) {
  const { at, progress: first } = begun.get(name);
  const seconds = (Date.now() - at) / 1000;
  const left = progress > first && seconds > 2 ? timeLeft(((1 - progress) * seconds) / (progress - first)) : "";
  for (const bar of document.querySelectorAll(`progress[data-name="${name}"]`)) bar.value = progress;
  for (const far of document.querySelectorAll(`.far[data-name="${name}"]`)) {
    far.textContent = [`${Math.floor(100 * progress)} %`, megabytes(progress * all, all), left].filter(Boolean).join(" · ");
  }
}
