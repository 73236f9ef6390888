// Voices and models from the hub. The server knows how far they are, so a reload changes nothing.
import { ask } from "./api.js";
import { $, attempt, keepUp, make, say } from "./dom.js";
import { about, t } from "./texts.js";
import { refresh as refreshVoices } from "./voices.js";

const MESSAGE = "downloads-message";
const POLL_MILLISECONDS = 1000;

let isPolling = false;

export async function refresh() {
  const { downloads } = await ask("GET", "api/downloads");
  $("downloads").replaceChildren(...downloads.map(row));
  const failed = downloads.find(({ error }) => error);
  if (failed) say(MESSAGE, failed.error, true);
  if (downloads.some(({ progress }) => progress !== null)) poll();
}

function poll() {
  if (isPolling) return;
  isPolling = true;
  setTimeout(() => {
    isPolling = false;
    keepUp(MESSAGE, async () => {
      await refresh();
      if (!isPolling) await refreshVoices();
    });
  }, POLL_MILLISECONDS);
}

function row({ name, description, megabytes, licence, is_there: isThere, needs, progress }) {
  const what = make("div", { className: "what" }, about(name, description), make("small", { textContent: `${name} · ${megabytes} MB` }));
  what.append(make("small", { textContent: t("licence", licence) }));
  const item = make("li", {}, what);
  item.dataset.download = name;
  if (needs) what.append(make("small", { textContent: t("needs", needs) }));
  if (isThere) item.append(make("span", { className: "badge", textContent: t("isThere") }));
  else if (progress !== null) item.append(make("progress", { value: progress, max: 1, ariaLabel: t("progress", name) }));
  else if (!needs) item.append(button(name));
  return item;
}

function button(name) {
  const element = make("button", { type: "button", textContent: t("download"), ariaLabel: t("downloadWhat", name) });
  element.addEventListener("click", () =>
    attempt(MESSAGE, async () => {
      await ask("POST", `api/downloads/${encodeURIComponent(name)}`);
      await refresh();
    }),
  );
  return element;
}
