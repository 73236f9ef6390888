// Plays speech while the server is still making it.
import { request, ServerError } from "./api.js";
import { $ } from "./dom.js";
import { wav } from "./wav.js";

const SAMPLE_RATE = 24000; // of the format "pcm"
const LEAD_SECONDS = 0.08; // so that the first pieces do not stumble; twice as long after each time they do
const AHEAD_SECONDS = 2; // are handed to the browser: it would choke on the pieces of a long text
const PIECE_SAMPLES = SAMPLE_RATE / 4; // at most; each one that ends asks for more

let context;
let underWay = null;

export function stop() {
  underWay?.abort();
}

// Speaks a text to its end: true, or false if it was stopped before.
// As soon as all of it has come, `onComplete` gets it as a WAV file.
export async function speak(input, voice, speed, onComplete = () => {}) {
  stop();
  const mine = (underWay = new AbortController());
  $("stop").disabled = false;
  try {
    context ??= new AudioContext({ sampleRate: SAMPLE_RATE });
    await context.resume();
    const json = { input, voice, speed, response_format: "pcm" };
    const response = await request("POST", "v1/audio/speech", { json, signal: mine.signal });
    const playback = new Playback(mine.signal);
    const pieces = [];
    for await (const samples of samplesOf(response.body.getReader())) {
      pieces.push(samples);
      playback.add(samples);
    }
    onComplete(wav(pieces, SAMPLE_RATE));
    await playback.finish();
    return !mine.signal.aborted;
  } catch (error) {
    if (mine.signal.aborted) return false;
    throw error;
  } finally {
    if (underWay === mine) {
      underWay = null;
      $("stop").disabled = true;
    }
  }
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
  #waiting = [];
  #nodes = new Set(); // that the browser has
  #endsAt = 0; // by the context's clock
  #leadSeconds = LEAD_SECONDS;
  #onEnd = null;

  constructor(signal) {
    signal.addEventListener("abort", () => {
      this.#waiting = [];
      this.#nodes.forEach((node) => node.stop());
    });
  }

  add(samples) {
    for (let start = 0; start < samples.length; start += PIECE_SAMPLES) {
      this.#waiting.push(samples.subarray(start, start + PIECE_SAMPLES));
    }
    this.#handOver();
  }

  // Resolves when all is heard.
  finish() {
    return new Promise((resolve) => {
      this.#onEnd = resolve;
      this.#handOver();
    });
  }

  #handOver() {
    const now = context.currentTime;
    while (this.#waiting.length && this.#endsAt < now + AHEAD_SECONDS) {
      if (this.#endsAt < now) {
        this.#endsAt = now + this.#leadSeconds;
        this.#leadSeconds = Math.min(2 * this.#leadSeconds, AHEAD_SECONDS);
      }
      this.#play(this.#waiting.shift());
    }
    if (!this.#nodes.size) this.#onEnd?.();
  }

  #play(samples) {
    const buffer = context.createBuffer(1, samples.length, SAMPLE_RATE);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(context.destination);
    node.addEventListener("ended", () => {
      this.#nodes.delete(node);
      this.#handOver();
    });
    node.start(this.#endsAt);
    this.#endsAt += buffer.duration;
    this.#nodes.add(node);
  }
}
