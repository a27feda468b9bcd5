"""Numbers as replies write them: "−3", "$1,200", "1 200.50" with a narrow space, "+.5"."""

MINUS = dict.fromkeys(map(ord, "−–‐‑﹣－"), "-")
SEPARATORS = ",'’\u00a0\u2009\u202f"
SIGN = r"(?<![\w)])[-+]"  # not after a digit, letter or bracket: "20-5" is twenty and five
CURRENCY = r"\\?[$€£¥]"
DIGITS = rf"(?:\d{{1,3}}(?:[{SEPARATORS}]\d{{3}})+(?!\d)|\d+)"
# In a text of which `with_plain_signs` was taken.
NUMBER = rf"(?:{SIGN})?(?:{CURRENCY}(?:{SIGN})?)?(?:{DIGITS}(?:\.\d+)?|\.\d+)"


def with_plain_signs(text: str) -> str:
    """The text with one character for minus, whichever of them it uses."""
    return text.translate(MINUS)


def value(number: str) -> float:
    """What a match of NUMBER says: 1200.0 for "$1,200"."""
    size = float("".join(mark for mark in number if mark.isdigit() or mark == "."))
    return -size if "-" in number else size
