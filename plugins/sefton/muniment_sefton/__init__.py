"""Sefton: Sefton@Work, declared for Muniment."""
