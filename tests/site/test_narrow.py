"""Every page reads well on a phone. A file of its own: a worker of its own."""

import pytest
from reading import NAMES, OTHERS, THEMES, trouble_on


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", [*NAMES, OTHERS])
def test_it_reads_well(window, address, pages, site, name, theme):
    trouble = trouble_on(name, pages, address, window(390, theme), theme, site)
    assert not trouble, "\n".join(trouble)
