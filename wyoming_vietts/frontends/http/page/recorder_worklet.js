// Hands the microphone's samples to the page, some thousand at a time.
const PIECE = 4096;

class Recorder extends AudioWorkletProcessor {
  #samples = new Float32Array(PIECE);
  #count = 0;

  process([[channel]]) {
    for (const sample of channel ?? []) {
      this.#samples[this.#count++] = sample;
      if (this.#count === PIECE) {
        this.port.postMessage(this.#samples);
        this.#samples = new Float32Array(PIECE);
        this.#count = 0;
      }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
