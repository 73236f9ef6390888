// Voices and models from the hub. The server knows how far they are, so a reload changes nothing.
import { ask } from "./api.js";
import { $, button, fill, keepUp, make, say } from "./dom.js";
import { about, licenceOf, size, t } from "./texts.js";
import { refresh as refreshVoices } from "./voices.js";

const MESSAGE = "downloads-message";
const POLL_MILLISECONDS = 1000;

let timer = null;

export async function refresh() {
  const { downloads } = await ask("GET", "api/downloads");
  const running = downloads.filter(({ progress }) => progress !== null);
  if (!advance(running)) fill($("downloads"), downloads.map(row));
  const failed = downloads.find(({ error }) => error);
  if (failed) say(MESSAGE, t("downloadFailed", failed.name, failed.error), true);
  clearTimeout(timer);
  if (running.length) timer = setTimeout(() => keepUp(MESSAGE, poll), POLL_MILLISECONDS);
  return running.length;
}

async function poll() {
  if (!(await refresh())) await refreshVoices();
}

// Moves the bars that are shown: new ones would be read out anew each second.
function advance(running) {
  const bars = [...$("downloads").querySelectorAll("progress")];
  const isSame = bars.length > 0 && String(bars.map((bar) => bar.dataset.name)) === String(running.map(({ name }) => name));
  if (isSame) bars.forEach((bar, i) => (bar.value = running[i].progress));
  return isSame;
}

function row({ name, description, megabytes, licence, is_there: isThere, needs, progress }) {
  const identity = make("small", { textContent: `${name} · ${size(megabytes)}` });
  const terms = make("small", { textContent: t("licence", licenceOf(name, licence)) });
  const what = make("div", { className: "what" }, about(name, description), identity, terms);
  const item = make("li", {}, what);
  item.dataset.name = name;
  if (needs && !isThere) what.append(make("small", {}, t("needs"), " ", make("span", { lang: "en", textContent: needs })));
  if (isThere) item.append(make("span", { className: "badge", textContent: t("isThere") }));
  else if (progress !== null) item.append(bar(name, progress));
  else if (!needs) {
    item.append(
      button("download", t("downloadWhat", name), MESSAGE, async () => {
        await ask("POST", `api/downloads/${encodeURIComponent(name)}`);
        await refresh();
      }),
    );
  }
  return item;
}

function bar(name, progress) {
  const element = make("progress", { value: progress, max: 1, ariaLabel: t("progress", name) });
  element.dataset.name = name;
  return element;
}
