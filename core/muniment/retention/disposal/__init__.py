"""Destroying what is due: chunk by chunk, here and elsewhere, and once more after a restore."""
