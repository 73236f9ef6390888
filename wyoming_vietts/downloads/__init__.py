"""Voices and models that can be downloaded, and how they are fetched."""
