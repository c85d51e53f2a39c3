"""Values as papermill writes them into a notebook: a tuple is a tuple there, too."""

# mypy: untyped-calls-exclude=papermill

from __future__ import annotations

from typing import Any


def tuples_stay_tuples() -> None:
    """Let papermill write tuples as Python has them. By itself, it writes their text in quotes."""
    from papermill.translators import PythonTranslator, papermill_translators

    class Translator(PythonTranslator):  # type: ignore[misc]  # papermill has no types
        @classmethod
        def translate(cls, val: Any) -> str:
            if isinstance(val, tuple):
                return "(" + "".join(f"{cls.translate(item)}, " for item in val).rstrip() + ")"
            return str(super().translate(val))

    papermill_translators.register("python", Translator)
