"""The words of the documents that people and the regulator read: templates, one macro a kind of statement.

Whoever looks after the wording edits `templates/`; no program needs to change. docs/notices.md says what a template may
use.
"""

from muniment.api.plugin import WordsPlugin

__all__ = ["plugin"]

plugin = WordsPlugin(__name__)
