// Records some seconds from the microphone.
import { pcmOf, wav } from "./wav.js";

// Records until the time is over or the signal comes; tells the level 0 to 1 and the seconds left.
export async function record(seconds, signal, onLevel) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const context = new AudioContext();
  try {
    await context.audioWorklet.addModule(new URL("./recorder_worklet.js", import.meta.url));
    const source = context.createMediaStreamSource(stream);
    const worklet = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    source.connect(worklet);
    const pieces = [];
    let samples = 0;
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
      worklet.port.onmessage = ({ data }) => {
        pieces.push(pcmOf(data));
        samples += data.length;
        onLevel(data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0), Math.ceil(seconds - samples / context.sampleRate));
        if (samples >= seconds * context.sampleRate) resolve();
      };
    });
    return wav(pieces, context.sampleRate);
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    await context.close();
  }
}
