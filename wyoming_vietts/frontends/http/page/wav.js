// WAV files, 16 bits and mono, made of pieces of bytes or of samples.

export function wav(pcmPieces, sampleRate) {
  const size = pcmPieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const header = new DataView(new ArrayBuffer(44));
  const text = (offset, letters) => [...letters].forEach((letter, i) => header.setUint8(offset + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  header.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, sampleRate, true);
  header.setUint32(28, 2 * sampleRate, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, size, true);
  return new Blob([header, ...pcmPieces], { type: "audio/wav" });
}

export function pcmOf(samples) {
  return Int16Array.from(samples, (sample) => 32767 * Math.max(-1, Math.min(1, sample)));
}
