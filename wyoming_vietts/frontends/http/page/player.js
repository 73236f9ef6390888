// The page's one player: speech while the server is still making it, and any part of it once it is whole.
import { request, ServerError } from "./api.js";

const SAMPLE_RATE = 24000; // of the format "pcm"
const LEAD_SECONDS = 0.08; // so that the first pieces do not stumble; twice as long after each time they do
const AHEAD_SECONDS = 2; // are handed to the browser: it would choke on the pieces of a long text
const PIECE_SAMPLES = SAMPLE_RATE / 4; // at most; each one that ends asks for more

export const player = new EventTarget(); // "change": another track, or another state of it

let context, volume;
let loudness = 1;
let track = null; // { source, label, wanted, pieces, sampleRate, seconds, isWhole, coming }
let playback = null; // of the track, while it is heard

export function current() {
  return track;
}

// The source of the track that is heard now: a name that its caller chose.
export function playing() {
  return playback && track.source;
}

export function position() {
  return playback ? playback.position : 0;
}

// Speaks a text to its end: true, or false if it was stopped before.
// `wanted` is the request's { input, voice, speed }; `source` and `label` tell the page and its reader where it comes from.
export async function speak(source, label, wanted) {
  begin({ source, label, wanted, pieces: [], sampleRate: SAMPLE_RATE, seconds: 0, isWhole: false });
  const [mine, { signal }] = [track, (track.coming = new AbortController())];
  try {
    await listenFrom(0);
    const json = { ...wanted, response_format: "pcm" };
    const response = await request("POST", "v1/audio/speech", { json, signal });
    if (response.headers.has("X-Nothing-To-Say")) throw new ServerError("nothing-to-say", "There is nothing to say");
    for await (const samples of samplesOf(response.body.getReader())) {
      mine.seconds += samples.length / SAMPLE_RATE;
      for (let start = 0; start < samples.length; start += PIECE_SAMPLES) add(mine, samples.subarray(start, start + PIECE_SAMPLES));
    }
    mine.isWhole = true;
    if (track === mine) playback?.end();
    changed();
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    stop();
    track = null; // half of a text is no text
    changed();
    throw error;
  }
}

// Plays samples that the page has already: floats from -1 to 1.
export async function playSamples(source, label, samples, sampleRate) {
  begin({ source, label, wanted: null, pieces: [], sampleRate, seconds: samples.length / sampleRate, isWhole: true });
  add(track, Int16Array.from(samples, (sample) => 32767 * Math.max(-1, Math.min(1, sample))));
  await listenFrom(0);
}

// Plays the track again, from a second of it; what was stopped before it was whole is spoken anew.
export async function play(second = 0) {
  if (!track.isWhole) return speak(track.source, track.label, track.wanted);
  playback?.stop();
  await listenFrom(second);
  return true;
}

export function stop() {
  track?.coming?.abort();
  playback?.stop();
  playback = null;
  changed();
}

export function setVolume(value) {
  loudness = value;
  if (volume) volume.gain.value = value;
}

function changed() {
  player.dispatchEvent(new Event("change"));
}

function begin(next) {
  stop();
  track = next;
}

function add(to, piece) {
  to.pieces.push(piece);
  if (to === track) playback?.add(piece);
}

async function listenFrom(second) {
  const mine = track;
  if (!context) {
    context = new AudioContext({ sampleRate: SAMPLE_RATE });
    volume = new GainNode(context, { gain: loudness });
    volume.connect(context.destination);
  }
  const begun = (playback = new Playback(mine.sampleRate, second, () => {
    if (playback !== begun) return;
    playback = null;
    changed();
  }));
  changed();
  await context.resume();
  let skipped = Math.round(second * mine.sampleRate);
  for (const piece of [...mine.pieces]) {
    if (skipped < piece.length) begun.add(piece.subarray(skipped));
    skipped = Math.max(0, skipped - piece.length);
  }
  if (mine.isWhole) begun.end();
}

async function* samplesOf(reader) {
  let rest = new Uint8Array(0); // half of a sample
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw new ServerError("cut-off", String(error));
    });
    if (done) return;
    const bytes = new Uint8Array(rest.length + value.length);
    bytes.set(rest);
    bytes.set(value, rest.length);
    const whole = bytes.length - (bytes.length % 2);
    rest = bytes.slice(whole);
    if (whole) yield new Int16Array(bytes.buffer, 0, whole / 2);
  }
}

// Pieces of samples, played one after the other.
class Playback {
  #sampleRate;
  #onEnd;
  #waiting = [];
  #nodes = new Set(); // that the browser has
  #handed; // seconds of the track, to the end of the last of them
  #endsAt = 0; // the same end, by the context's clock
  #leadSeconds = LEAD_SECONDS;
  #hasAll = false;
  #isStopped = false;

  constructor(sampleRate, second, onEnd) {
    this.#sampleRate = sampleRate;
    this.#handed = second;
    this.#onEnd = onEnd;
  }

  // The second of the track that is heard now.
  get position() {
    return Math.max(0, this.#handed - Math.max(0, this.#endsAt - context.currentTime));
  }

  add(samples) {
    this.#waiting.push(samples);
    this.#handOver();
  }

  // Nothing follows: it ends when all is heard.
  end() {
    this.#hasAll = true;
    this.#handOver();
  }

  stop() {
    this.#isStopped = true;
    this.#waiting = [];
    this.#nodes.forEach((node) => node.stop());
  }

  #handOver() {
    if (this.#isStopped) return;
    const now = context.currentTime;
    while (this.#waiting.length && this.#endsAt < now + AHEAD_SECONDS) {
      if (this.#endsAt < now) {
        this.#endsAt = now + this.#leadSeconds;
        this.#leadSeconds = Math.min(2 * this.#leadSeconds, AHEAD_SECONDS);
      }
      this.#play(this.#waiting.shift());
    }
    if (this.#hasAll && !this.#nodes.size) this.#onEnd();
  }

  #play(samples) {
    const buffer = context.createBuffer(1, samples.length, this.#sampleRate);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(volume);
    node.addEventListener("ended", () => {
      this.#nodes.delete(node);
      this.#handOver();
    });
    node.start(this.#endsAt);
    this.#endsAt += buffer.duration;
    this.#handed += buffer.duration;
    this.#nodes.add(node);
  }
}
