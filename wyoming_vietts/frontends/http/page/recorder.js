// Records some seconds from the microphone.
import { pcmOf, wav } from "./wav.js";

// The voice as it is: what makes calls clear makes voices dull.
const AS_IT_IS = { channelCount: 1, echoCancellation: false, noiseSuppression: false };

// Records until the time is over or the signal comes; tells the level 0 to 1 and the seconds left.
export async function record(seconds, signal, onLevel) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
  const context = new AudioContext();
  try {
    await context.audioWorklet.addModule(new URL("./recorder_worklet.js", import.meta.url));
    const worklet = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    context.createMediaStreamSource(stream).connect(worklet);
    const pieces = [];
    let samples = 0;
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
      if (signal.aborted) resolve();
      worklet.port.onmessage = ({ data }) => {
        pieces.push(pcmOf(data));
        samples += data.length;
        const level = data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        onLevel(level, Math.ceil(seconds - samples / context.sampleRate));
        if (samples >= seconds * context.sampleRate) resolve();
      };
    });
    worklet.port.onmessage = null; // some may be under way
    return wav(pieces, context.sampleRate);
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    await context.close();
  }
}
