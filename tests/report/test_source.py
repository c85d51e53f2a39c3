"""source: the text that runs."""

from optlab.report import source
from optlab.rules import adam


def test_it_is_the_rule_itself():
    shown = source(adam)
    assert repr(shown).startswith("@rule(")
    assert "def adam(p, g, s, t, *, lr, beta1, beta2, eps):" in repr(shown)
    assert shown._repr_markdown_() == f"```python\n{shown!r}\n```"


def test_any_function():
    assert repr(source(test_any_function)).endswith("# the last line")  # the last line
