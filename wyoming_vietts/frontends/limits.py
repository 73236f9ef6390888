"""The time limits of connections, in seconds; those of `--idle-timeout` come on top."""

REQUEST_SECONDS = 30.0
"""For an HTTP client to send its next request: the head of it, and then its body."""

UPLOAD_SECONDS = 120.0
"""For the body of a request that carries a recording."""

EVENT_SECONDS = 60.0
"""For a Wyoming client to complete an event that it has begun."""

READING_PAUSE_SECONDS = 30.0
"""For a Wyoming client that reads nothing, although there is something to read."""

PLAYING_PAUSE_SECONDS = 600.0
"""The same for an HTTP client: browsers read nothing while they have minutes of audio to play."""

STOP_SECONDS = 5.0
"""For answers under way when the server stops."""

LAST_WORDS_SECONDS = 1.0
"""For a client to read the last bytes before its connection is closed."""
