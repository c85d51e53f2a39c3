"""Whether words are the deck's, told from a fingerprint: the deck itself is not ours to publish.

The fingerprint has a short hash of each stretch of `LENGTH` characters of the deck, sorted.
Made from its text by `python tests/report/deck.py deck.txt`.
"""

import sys
from bisect import bisect_left
from hashlib import blake2b
from pathlib import Path

LENGTH = 8
BYTES = 4
FILE = Path(__file__).with_name("deck.fingerprint")


def hashes(text):
    """One hash for each stretch of the text."""
    stretches = {text[i : i + LENGTH] for i in range(max(1, len(text) - LENGTH + 1))}
    return {blake2b(x.encode(), digest_size=BYTES).digest() for x in stretches}


def says(text, known=None):
    """Whether every stretch of the text is one of the deck's. A text shorter than a stretch
    cannot be told."""
    if len(text) < LENGTH:
        raise ValueError(f"{text!r} is too short to be told: quote {LENGTH} characters or more")
    known = FILE.read_bytes() if known is None else known
    places = range(0, len(known), BYTES)

    def there(x):
        i = bisect_left(places, x, key=lambda k: known[k : k + BYTES])
        return i < len(places) and known[places[i] : places[i] + BYTES] == x

    return all(map(there, hashes(text)))


def fingerprint(text):
    return b"".join(sorted(hashes(text)))


if __name__ == "__main__":
    FILE.write_bytes(fingerprint(Path(sys.argv[1]).read_text(encoding="utf-8")))
