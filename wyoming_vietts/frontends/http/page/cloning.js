// A voice from a recording: a file or the microphone, a look at it, a name and a yes.
import { ask, ServerError } from "./api.js";
import { $, attempt, dropZone, make, say, steps, toast } from "./dom.js";
import { player, playing, playSamples, stop } from "./player.js";
import { record } from "./recorder.js";
import { sentence, setText, t } from "./texts.js";
import { introduce } from "./voices.js";
import { pcmOf, wav } from "./wav.js";
import { decode, draw, stretch } from "./waveform.js";

const MESSAGE = "clone-message";
const SOURCE = "stretch"; // as the player names it
const RECORDING_SECONDS = 8;
const SENT_AS_THEY_ARE = /\.(wav|flac|mp3|ogg|opus)$/i; // what the server reads

let original = null; // the file that was chosen last
let recording = null; // { file, audio, found }
let stopsRecording = null;
let shownSteps = "";

export function start() {
  dropZone($("drop"), $("file"), ([file]) => attempt(MESSAGE, () => look(file)));
  $("record").addEventListener("click", () => (stopsRecording ? stopsRecording.abort() : attempt(MESSAGE, listen)));
  $("play-stretch").addEventListener("click", () => {
    const { audio, found } = recording;
    if (playing() === SOURCE) stop();
    else attempt(MESSAGE, () => playSamples(SOURCE, () => t("playStretch"), stretch(audio, found), audio.sampleRate));
  });
  player.addEventListener("change", () => {
    const isPlaying = playing() === SOURCE;
    setText($("play-stretch"), isPlaying ? "stop" : "playStretch");
    $("play-stretch").classList.toggle("stops", isPlaying);
  });
  $("make").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(MESSAGE, makeVoice);
  });
}

export function show({ can_clone: canClone, clones_with: engines, how_to_clone: how }) {
  $("clone").hidden = !canClone;
  $("how-to-clone").hidden = canClone;
  if (!canClone && shownSteps !== t("needsEngine") + JSON.stringify(how)) {
    shownSteps = t("needsEngine") + JSON.stringify(how);
    $("how-to-clone").replaceChildren(make("summary", { textContent: t("needsEngine") }), steps(how));
  }
  if (canClone) $("clones-with").textContent = t("clonesWith")[engines.length > 1 ? "both" : engines[0]];
  if (recording) showStretch(recording.found);
}

async function listen() {
  stopsRecording = new AbortController();
  setText($("record"), "stopRecording");
  let blob;
  try {
    blob = await record(RECORDING_SECONDS, stopsRecording.signal, (level, left) => {
      $("recording").hidden = false;
      $("level").value = level;
      $("countdown").textContent = t("secondsLeft", Math.max(0, left));
    });
  } catch (error) {
    throw new Error(t(error.name === "NotFoundError" ? "noMicrophone" : "microphoneForbidden"));
  } finally {
    stopsRecording = null;
    $("recording").hidden = true;
    setText($("record"), "record");
  }
  await look(new File([blob], "recording.wav"));
}

async function look(chosen) {
  original = chosen;
  $("make").hidden = true;
  say(MESSAGE, t("checking"));
  const audio = await decode(chosen);
  const file = audio && !SENT_AS_THEY_ARE.test(chosen.name) ? asWav(audio) : chosen;
  const found = await ask("POST", `api/recordings?filename=${encodeURIComponent(file.name)}`, { body: file });
  if (chosen !== original) return; // another one was chosen meanwhile
  const trouble = found.problem ?? found.warning;
  if (found.problem) throw new ServerError(trouble.code, trouble.message);
  recording = { file, found, audio };
  $("make").hidden = false;
  $("picture").hidden = !audio;
  if (audio) draw($("waveform"), audio, found);
  showStretch(found);
  say(MESSAGE, trouble ? sentence(trouble.code, trouble.message) : t("goodRecording"), Boolean(trouble));
}

function asWav(audio) {
  return new File([wav([pcmOf(audio.getChannelData(0))], audio.sampleRate)], "recording.wav");
}

function showStretch({ start_seconds: from, end_seconds: to }) {
  $("stretch").textContent = t("stretch", from, to);
}

async function makeVoice() {
  const description = $("voice-name").value;
  const body = new FormData();
  body.append("description", description);
  body.append("consent", $("consent").checked ? "yes" : "no");
  body.append("recording", recording.file, recording.file.name);
  const { name } = await ask("POST", "api/voices", { body });
  $("make").reset();
  $("make").hidden = true;
  const label = await introduce(name); // numbered if there was one
  toast(t("made", label ?? description)); // as the page has gone up to the voices
}
