// A recording as a picture, with the stretch that makes the voice.

// The samples of a file; null if this browser does not know its format.
export async function decode(file) {
  const context = new AudioContext();
  try {
    return await context.decodeAudioData(await file.arrayBuffer());
  } catch (error) {
    if (error.name === "EncodingError") return null;
    throw error;
  } finally {
    await context.close();
  }
}

export function draw(canvas, audio, { start_seconds: start, end_seconds: end }) {
  const drawing = canvas.getContext("2d");
  const { width, height } = canvas;
  const style = getComputedStyle(document.documentElement);
  const samples = audio.getChannelData(0);
  const x = (seconds) => (seconds / audio.duration) * width;
  drawing.clearRect(0, 0, width, height);
  drawing.fillStyle = style.getPropertyValue("--mark");
  drawing.fillRect(x(start), 0, x(end) - x(start), height);
  for (let column = 0; column < width; column++) {
    const from = Math.floor((column / width) * samples.length);
    const to = Math.floor(((column + 1) / width) * samples.length);
    let peak = 0;
    for (let i = from; i < to; i++) peak = Math.max(peak, Math.abs(samples[i]));
    const isUsed = column >= x(start) && column < x(end);
    drawing.fillStyle = style.getPropertyValue(isUsed ? "--accent" : "--soft");
    drawing.fillRect(column, (height * (1 - peak)) / 2, 1, Math.max(1, height * peak));
  }
}

export function stretch(audio, { start_seconds: start, end_seconds: end }) {
  return audio.getChannelData(0).subarray(Math.round(start * audio.sampleRate), Math.round(end * audio.sampleRate));
}
