// Starts the page, and keeps its status line.
import * as api from "./api.js";
import * as cloning from "./cloning.js";
import { $, keepUp, say } from "./dom.js";
import * as downloads from "./downloads.js";
import * as speaking from "./speaking.js";
import { preferredLanguage, rememberLanguage, setLanguage, t } from "./texts.js";
import * as voices from "./voices.js";

const STATUS_MILLISECONDS = 5000;

async function showStatus() {
  const status = await api.status();
  say("status", t("status", status));
  return status;
}

function refreshLists() {
  keepUp("voices-message", voices.refresh);
  keepUp("downloads-message", downloads.refresh);
}

$("language").value = preferredLanguage();
setLanguage($("language").value);
$("language").addEventListener("change", () => {
  rememberLanguage($("language").value);
  location.reload();
});

keepUp("status", async () => {
  const status = await showStatus();
  speaking.start(status);
  cloning.start(status);
  refreshLists();
  setInterval(() => keepUp("status", showStatus), STATUS_MILLISECONDS);
});
