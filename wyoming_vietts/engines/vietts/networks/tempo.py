"""Changes speed without changing pitch, by stretching the mel spectrogram before the vocoder."""

import torch
from torch import Tensor


class MelStretcher:
    """Interpolates linearly between mel frames that arrive in pieces, without seams."""

    def __init__(self, speed: float) -> None:
        """`speed` 2 halves the number of frames."""
        self._speed = speed
        self._mel: Tensor | None = None  # frames that are still needed
        self._dropped = 0  # frames before them
        self._given = 0

    def feed(self, mel: Tensor, last: bool) -> Tensor:
        """Take the next frames [80, F]; return the next stretched ones, [80, F out].

        All pieces together are int(frames / speed) frames.
        """
        if self._speed == 1.0:
            return mel
        self._mel = mel if self._mel is None else torch.cat((self._mel, mel), dim=1)
        frames = self._dropped + self._mel.shape[1]
        # Output frame j lies at (j + 1/2) speed - 1/2, and needs the frames on both sides.
        certain = int(frames / self._speed) if last else int((frames - 0.5) / self._speed - 0.5)
        outputs = torch.arange(self._given, max(certain, self._given), device=mel.device)
        positions = ((outputs + 0.5) * self._speed - 0.5).clamp(0, frames - 1)
        below = positions.floor()
        share = (positions - below).to(mel.dtype)
        left = (below.long() - self._dropped).clamp_min(0)
        right = (left + 1).clamp_max(self._mel.shape[1] - 1)
        stretched = torch.lerp(self._mel[:, left], self._mel[:, right], share)
        self._given += len(outputs)
        next_needed = int((self._given + 0.5) * self._speed - 0.5)
        drop = max(0, min(next_needed - self._dropped, self._mel.shape[1] - 1))
        self._mel, self._dropped = self._mel[:, drop:], self._dropped + drop
        return stretched
