// Piper voices of the user's own: two files, dropped or chosen together.
import { ServerError, upload } from "./api.js";
import { $, attempt, button, dropZone, make, say } from "./dom.js";
import { megabytes, t } from "./texts.js";
import { has, introduce } from "./voices.js";

const MESSAGE = "piper-message";
const AGAIN = ["unreachable", "too-slow", "too-many", "no-room", "failed"]; // the same files may succeed later

let mostBytes = 0;
let chosen = {}; // { network, config }, which may come one by one
let cancels = null; // the upload under way

export function start() {
  dropZone($("piper-drop"), $("piper-files"), (files) => attempt(MESSAGE, () => take(files)));
  $("piper-cancel").addEventListener("click", () => cancels?.abort());
}

export function show({ max_piper_bytes: most }) {
  mostBytes = most;
  $("piper").hidden = !most;
}

async function take(files) {
  if (cancels) return;
  const networks = files.filter(({ name }) => name.endsWith(".onnx"));
  const configs = files.filter(({ name }) => name.endsWith(".json"));
  if (networks.length > 1 || configs.length > 1 || networks.length + configs.length < files.length) throw new Error(t("onlyTwoFiles"));
  chosen = { network: networks[0] ?? chosen.network, config: configs[0] ?? chosen.config };
  const { network, config } = chosen;
  if (!network || !config) return say(MESSAGE, t("fileIsMissing", (network ?? config).name, network ? ".json" : ".onnx"));
  chosen = {};
  await send(network, config);
}

async function send(network, config) {
  const name = network.name.replace(/\.onnx$/, "");
  const body = new Blob([config, network]); // read from the disk while it is sent
  // A server that refuses a body early may be heard too late.
  if (body.size > mostBytes) throw new ServerError("too-large", "The files are too large");
  if (has(name)) throw new ServerError("name-taken", "There is already such a voice");
  cancels = new AbortController();
  try {
    const query = new URLSearchParams({ name, config_bytes: config.size, network_bytes: network.size });
    const { names } = await upload(`api/piper?${query}`, body, { signal: cancels.signal, onProgress: (sent) => advance(sent, body.size) });
    await introduce(names[0]);
    say(MESSAGE, t("added", names.length > 1 ? network.name : names[0]));
  } catch (error) {
    if (error.name === "AbortError") return;
    if (AGAIN.includes(error.code)) {
      say(MESSAGE, error.code === "unreachable" ? t("uploadBroke") : error.message, true);
      $(MESSAGE).append(" ", button("retry", t("retryUpload", name), MESSAGE, () => send(network, config)));
      return;
    }
    if (error.code !== "not-piper") throw error;
    say(MESSAGE, error.message, true);
    $(MESSAGE).append(make("details", {}, make("summary", { textContent: t("details") }), make("span", { lang: "en", textContent: error.said })));
  } finally {
    cancels = null;
    $("piper-progress").hidden = true;
  }
}

function advance(sent, all) {
  $("piper-progress").hidden = false;
  $("piper-bar").value = sent / all;
  const isWhole = sent >= all;
  $("piper-far").textContent = isWhole ? t("checkingVoice") : megabytes(sent / 1e6, Math.ceil(all / 1e6));
}
