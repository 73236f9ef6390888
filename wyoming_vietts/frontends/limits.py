"""The time limits of connections, in seconds; those of `--idle-timeout` come on top."""

REQUEST_SECONDS = 30.0
"""For an HTTP client to send the head of its next request, and then each megabyte of its body."""

UPLOAD_SECONDS = 10.0
"""For each megabyte of a voice's files: others wait for one of the few places."""

EVENT_SECONDS = 60.0
"""For a Wyoming client to complete an event."""

READING_PAUSE_SECONDS = 30.0
"""For a Wyoming client to read nothing while data waits."""

PLAYING_PAUSE_SECONDS = 600.0
"""The same for an HTTP client: browsers pause while they have minutes of audio to play."""

STOP_SECONDS = 5.0
"""For answers under way at shutdown."""

LAST_WORDS_SECONDS = 1.0
"""For a client to read the last bytes before its connection is closed."""
