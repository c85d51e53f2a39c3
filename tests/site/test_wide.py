"""Every page reads well on a desk. A file of its own: a worker of its own."""

import pytest
from reading import NAMES, OTHERS, trouble_on


@pytest.mark.parametrize("name", [*NAMES, OTHERS])
def test_it_reads_well(window, address, pages, site, name):
    trouble = trouble_on(name, pages, address, window(1280), ("light", "dark"), site)
    assert not trouble, "\n".join(trouble)
