"""Messages between a run and its kernel that can hold any text."""

from __future__ import annotations

import json
from typing import Any

from jupyter_client.jsonutil import json_default
from jupyter_client.session import json_packer

NAME = f"{__name__}.pack"  # for Jupyter's setting Session.packer


def pack(message: Any) -> bytes:
    """A message as JSON in ASCII, as the kernel's connection takes it.

    Jupyter's own has text in UTF-8, which half of a pair of surrogates does not fit. A kernel
    that is to send one fails in its sending thread, and what was to be sent with it, be it the
    output of another cell or the end of this one, is lost.
    """
    try:
        return json.dumps(message, default=json_default, allow_nan=False).encode("ascii")
    except (TypeError, ValueError):  # numbers that JSON lacks, keys of other types
        return json_packer(message)
