"""Everything that this program raises on purpose.

    WyomingViettsError
    ├── RequestError              a client asked for something that it cannot have
    │   ├── WireError             its bytes are not a Wyoming event
    │   ├── UnknownVoiceError     no voice matches what it asked for
    │   ├── TextTooLongError      it sent more text than one request may contain
    │   └── SSMLError             its markup cannot be read
    ├── HungUpError               the client is gone
    ├── ServerStoppingError       the server is shutting down
    ├── SynthesisError            a voice cannot speak this sentence now; others may
    └── SetupError                a command cannot start, or a file cannot be used
        ├── DeviceError           the device is not available
        ├── ModelError            a model directory cannot be used
        │   ├── ConfigError       ... because of its config.yaml
        │   ├── WeightsError      ... because of its weights
        │   └── TokenizerError    ... because of its vocabulary
        ├── RecordingError        a recording cannot be used as a voice
        ├── VoiceSettingsError    the .toml beside a voice is wrong
        ├── LexiconError          a lexicon is wrong
        ├── DownloadError         a voice or model cannot be downloaded
        └── DiscoveryError        the server cannot be announced

Every message says what was wrong, which value, and what would be right. It may be shown to a
client, with the `code` of its class.
"""


class WyomingViettsError(Exception):
    """The base of all errors here."""

    code = "failed"
    """What clients are told besides the message."""


class RequestError(WyomingViettsError):
    """A client asked for something that it cannot have."""

    code = "bad-request"


class WireError(RequestError):
    """Bytes are not a Wyoming event."""

    code = "bad-event"


class UnknownVoiceError(RequestError):
    """No voice matches what a request asked for; the message lists the available voices."""

    code = "unknown-voice"


class TextTooLongError(RequestError):
    """A request contains more text than is allowed."""

    code = "text-too-long"


class SSMLError(RequestError):
    """Markup cannot be read; the message says why and, if possible, on which line."""

    code = "bad-ssml"


class HungUpError(WyomingViettsError):
    """The client is gone, or has read nothing for too long: nobody is there to answer."""

    code = "hung-up"


class ServerStoppingError(WyomingViettsError):
    """The server is shutting down and cannot finish an answer."""

    code = "shutting-down"


class SynthesisError(WyomingViettsError):
    """A voice cannot speak this sentence now; others may."""

    code = "engine-failed"


class SetupError(WyomingViettsError):
    """A command cannot start, or a file that it needs cannot be used."""

    code = "engine-failed"


class DeviceError(SetupError):
    """The device is not available; the message lists those that are."""


class ModelError(SetupError):
    """A model directory cannot be used."""


class ConfigError(ModelError):
    """config.yaml describes a model that cannot be run here; the message names file and key."""


class WeightsError(ModelError):
    """A weights file cannot be used; the message names file and tensor."""


class TokenizerError(ModelError):
    """There is no usable vocabulary."""


class RecordingError(SetupError):
    """A recording cannot be used as a voice."""

    def __init__(self, message: str, code: str = "not-audio") -> None:
        super().__init__(message)
        self.code = code


class VoiceSettingsError(SetupError):
    """The .toml beside a voice is wrong; the message names file and key."""


class LexiconError(SetupError):
    """A lexicon is wrong; the message names file and line."""


class DownloadError(SetupError):
    """A voice or model cannot be downloaded; the message names the file and the reason."""


class DiscoveryError(SetupError):
    """The server cannot be announced on the network."""
