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
const RETRY_MILLISECONDS = 1000; // while the server cannot be reached

let shown = null; // how many voices the lists were made for
let timer = null;

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

// Asks for the status now, and again after a while.
async function follow() {
  clearTimeout(timer);
  const isKnown = document.hidden || await keepUp("status", showStatus);
  clearTimeout(timer); // of a call meanwhile
  timer = setTimeout(follow, isKnown ? STATUS_MILLISECONDS : RETRY_MILLISECONDS);
}

$("language").value = preferredLanguage();
setLanguage($("language").value);
$("language").addEventListener("change", () => {
  remember("language", $("language").value);
  setLanguage($("language").value);
  speaking.show();
  transport.show();
  shown = null;
  follow();
});

for (const event of ["click", "keydown"]) document.addEventListener(event, closeMenus);
transport.start();
speaking.start();
voices.start();
piper.start();
lexicon.start(speaking.showWords);
cloning.start();
follow();
for (const event of ["voiceschange", "downloadend", "visibilitychange", "connectionloss"]) document.addEventListener(event, follow);
