// A voice from a recording: a file or the microphone, a look at it, a name and a yes.
import { ask, ServerError } from "./api.js";
import { $, attempt, say } from "./dom.js";
import { record } from "./recorder.js";
import { sentence, t } from "./texts.js";
import { refresh } from "./voices.js";
import { decode, draw, play } from "./waveform.js";

const MESSAGE = "clone-message";
const RECORDING_SECONDS = 8;

let recording = null; // { file, audio, found }
let stopsRecording = null;

export function start(status) {
  $("clone").hidden = !status.can_clone;
  $("how-to-clone").hidden = status.can_clone;
  if (!status.can_clone) {
    $("how-to-clone").textContent = t("needsEngine", status.how_to_clone);
    return;
  }
  $("file").addEventListener("change", () => $("file").files[0] && attempt(MESSAGE, () => look($("file").files[0])));
  for (const [event, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    $("drop").addEventListener(event, (moved) => {
      moved.preventDefault();
      $("drop").classList.toggle("over", isOver);
    });
  }
  $("drop").addEventListener("drop", ({ dataTransfer }) => {
    if (dataTransfer.files[0]) attempt(MESSAGE, () => look(dataTransfer.files[0]));
  });
  $("record").addEventListener("click", () => (stopsRecording ? stopsRecording.abort() : attempt(MESSAGE, listen)));
  $("play-stretch").addEventListener("click", () => play(recording.audio, recording.found));
  $("make").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(MESSAGE, makeVoice);
  });
}

async function listen() {
  stopsRecording = new AbortController();
  $("record").textContent = t("stopRecording");
  try {
    const blob = await record(RECORDING_SECONDS, stopsRecording.signal, (level, left) => {
      $("recording").hidden = false;
      $("level").value = level;
      $("countdown").textContent = t("seconds", Math.max(0, left));
    });
    await look(new File([blob], "recording.wav", { type: "audio/wav" }));
  } catch (error) {
    throw error instanceof DOMException || error instanceof TypeError ? new Error(t("noMicrophone")) : error;
  } finally {
    stopsRecording = null;
    $("recording").hidden = true;
    $("record").textContent = t("record");
  }
}

async function look(file) {
  $("make").hidden = true;
  say(MESSAGE, t("checking"));
  const found = await ask("POST", `api/recordings?filename=${encodeURIComponent(file.name)}`, { body: file });
  if (found.problem) throw new ServerError(found.problem.code, found.problem.message);
  recording = { file, found, audio: await decode(file) };
  $("make").hidden = false;
  draw($("waveform"), recording.audio, found);
  $("waveform").setAttribute("aria-label", t("stretch", found.start_seconds, found.end_seconds));
  const { warning } = found;
  say(MESSAGE, warning ? sentence(warning.code, warning.message) : t("goodRecording"), Boolean(warning));
}

async function makeVoice() {
  const body = new FormData();
  body.append("description", $("voice-name").value);
  body.append("consent", $("consent").checked ? "yes" : "no");
  body.append("recording", recording.file, recording.file.name);
  await ask("POST", "api/voices", { body });
  say(MESSAGE, t("made", $("voice-name").value));
  $("make").reset();
  $("make").hidden = true;
  $("file").value = "";
  await refresh();
}
