"""A sentence for the technician, with a code under which the page finds it in the reader's language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence.

    Attributes:
        code: under which the page's word list has it.
        text: in English.
        values: names and numbers in it, in the order in which the word list numbers them.
    """

    code: str
    text: str
    values: tuple[str | float, ...] = ()

    def __str__(self) -> str:
        return self.text


_ERRORS = (
    ("on one line", "in-line"),
    ("or are doubled", "in-line"),
    ("mirrored", "mirrored"),
    ("two swapped", "swapped"),
    ("points have the same", "same-place"),
    ("distances; ", "few-lengths"),
    ("no distance reaches", "untouched"),
    ("no camera above", "no-camera"),
)


def of_error(error: Exception) -> Said:
    """What a refused calibration says; errors of the sealed room's geometry have words only, so these give the code."""
    text = str(error)
    code = next((code for words, code in _ERRORS if words in text), "problem")
    names = text.split("'")[1::2]
    first = text.split(" ", 1)[0]
    return Said(code, text, (float(first),) if first.isdigit() else tuple(names))
