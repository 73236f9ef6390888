"""Names of the engines."""

ENGINES = ("vietts", "espeak")
"""Best first."""
