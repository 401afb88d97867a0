"""Muniment: a council's privacy notice, made executable."""
