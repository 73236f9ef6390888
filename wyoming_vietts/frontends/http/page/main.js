// Starts the page, and keeps its status line.
import * as api from "./api.js";
import * as cloning from "./cloning.js";
import { $, closeMenus, keepUp, say } from "./dom.js";
import * as downloads from "./downloads.js";
import * as lexicon from "./lexicon.js";
import { remember } from "./memory.js";
import * as piper from "./piper.js";
import * as speaking from "./speaking.js";
import { preferredLanguage, setLanguage, t } from "./texts.js";
import * as transport from "./transport.js";
import * as voices from "./voices.js";

const STATUS_MILLISECONDS = 5000;

let shown = null; // how many voices the lists were made for

async function showStatus() {
  try {
    const status = await api.status();
    say("status", "");
    $("telemetry").textContent = t("status", status);
    cloning.show(status);
    downloads.show(status);
    piper.show(status);
    if (shown !== status.voices) {
      shown = status.voices;
      keepUp("voices-message", voices.refresh);
      keepUp("downloads-message", downloads.refresh);
    }
  } catch (error) {
    shown = null;
    throw error;
  }
}

$("language").value = preferredLanguage();
setLanguage($("language").value);
$("language").addEventListener("change", () => {
  remember("language", $("language").value);
  setLanguage($("language").value);
  speaking.show();
  transport.show();
  shown = null;
  keepUp("status", showStatus);
});

for (const event of ["click", "keydown"]) document.addEventListener(event, closeMenus);
transport.start();
speaking.start();
voices.start();
piper.start();
lexicon.start(speaking.showWords);
cloning.start();
keepUp("status", showStatus);
document.addEventListener("voiceschange", () => keepUp("status", showStatus));
setInterval(() => document.hidden || keepUp("status", showStatus), STATUS_MILLISECONDS);
