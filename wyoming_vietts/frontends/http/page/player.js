// Plays speech while the server is still making it.
import { request } from "./api.js";
import { wav } from "./wav.js";

const SAMPLE_RATE = 24000; // of the format "pcm"
const AHEAD_SECONDS = 0.08; // so that the first pieces do not stumble

let context;
let underWay = null;

export function stop() {
  underWay?.abort();
  underWay = null;
}

// Speaks a text, and returns it as a WAV file once all of it is there; null if it was stopped.
export async function speak(input, voice, speed) {
  stop();
  const mine = (underWay = new AbortController());
  context ??= new AudioContext();
  await context.resume();
  const nodes = [];
  mine.signal.addEventListener("abort", () => nodes.forEach((node) => node.stop()));
  try {
    const json = { input, voice, speed, response_format: "pcm" };
    const response = await request("POST", "v1/audio/speech", { json, signal: mine.signal });
    const pieces = await play(response.body.getReader(), nodes);
    await new Promise((resolve) => {
      if (!nodes.length) return resolve();
      nodes.at(-1).addEventListener("ended", resolve);
    });
    return mine.signal.aborted ? null : wav(pieces, SAMPLE_RATE);
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw error;
  } finally {
    if (underWay === mine) underWay = null;
  }
}

async function play(reader, nodes) {
  const pieces = [];
  let startsAt = 0;
  let rest = new Uint8Array(0); // half of a sample
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return pieces;
    const bytes = new Uint8Array(rest.length + value.length);
    bytes.set(rest);
    bytes.set(value, rest.length);
    const whole = bytes.length - (bytes.length % 2);
    rest = bytes.slice(whole);
    if (!whole) continue;
    const samples = new Int16Array(bytes.buffer.slice(0, whole));
    pieces.push(samples);
    const buffer = context.createBuffer(1, samples.length, SAMPLE_RATE);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const node = context.createBufferSource();
    node.buffer = buffer;
    node.connect(context.destination);
    startsAt = Math.max(startsAt, context.currentTime + (nodes.length ? 0 : AHEAD_SECONDS));
    node.start(startsAt);
    startsAt += buffer.duration;
    nodes.push(node);
  }
}
