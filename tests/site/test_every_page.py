"""Every page reads well on a desk, a tablet and a small phone, in both themes."""

import pytest
from reading import NAMES, OTHERS, trouble_on


@pytest.mark.parametrize("name", [*NAMES, OTHERS])
def test_it_reads_well(name, address, window, site, visits):
    trouble = trouble_on(name, address, window(1280), site, visits)
    assert not trouble, "\n".join(trouble)
