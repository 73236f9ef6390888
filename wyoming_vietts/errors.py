"""The exceptions of this program.

Every message says what was wrong, which value, and what would be right. It may be shown to a
client, with the `code` of its class.
"""


class WyomingViettsError(Exception):
    """The base of all errors here."""

    code = "failed"
    """Sent to clients with the message."""


class RequestError(WyomingViettsError):
    """A client asked for something that it cannot get."""

    code = "bad-request"


class WireError(RequestError):
    """Bytes are not a Wyoming event."""

    code = "bad-event"


class UnknownVoiceError(RequestError):
    """No voice matches a request; the message lists the available voices."""

    code = "unknown-voice"


class TextTooLongError(RequestError):
    """A request contains more text than is allowed."""

    code = "text-too-long"


class SSMLError(RequestError):
    """Markup cannot be read; the message says why and, if possible, on which line."""

    code = "bad-ssml"


class HungUpError(WyomingViettsError):
    """The client has closed the connection, or has read nothing for too long."""

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


class ModelError(SetupError):
    """A model directory cannot be used."""


class RecordingError(SetupError):
    """A recording cannot be used as a voice."""

    def __init__(self, message: str, code: str = "not-audio") -> None:
        super().__init__(message)
        self.code = code


class LexiconError(SetupError):
    """A lexicon is wrong; the message names file and line."""

    code = "bad-lexicon"


def printable(text: str) -> str:
    """Escape control characters, which would forge lines of a log, and lone surrogates."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
