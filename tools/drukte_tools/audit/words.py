"""The report's sentences, by language."""

from typing import Any, Final

from drukte_tools.audit import words_en, words_nl

WORDS: Final[dict[str, dict[str, Any]]] = {"en": words_en.WORDS, "nl": words_nl.WORDS}
