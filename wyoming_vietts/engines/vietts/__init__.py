"""VietTTS in PyTorch: text tokens -> speech tokens -> mel spectrogram -> waveform.

One letter for each axis, in the comments and docstrings of this package:

    B batch             S text tokens        T speech tokens     P speech tokens of the prompt
    F mel frames        N samples            C channels          V vocabulary
    H attention heads   D size of one head

Mel spectrograms are [80, F] at 22,050 / 256 = 86.13 frames a second; speech tokens come at the
rate that the model's configuration states (25 or 50 a second). A long computation is a generator
that yields None to let its caller do something else, and returns its result: see `steps`.
"""
