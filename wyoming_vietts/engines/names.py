"""Names of the engines."""

ENGINES = ("vietts", "piper", "espeak")
"""Best first."""
