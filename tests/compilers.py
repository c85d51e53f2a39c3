"""The compilers of this machine: marks of the tests that need one. Rules are compiled to C where
they can be; what torch.compile makes needs C++, on a CPU."""

import pytest

from optlab.optim import execution, native

NEEDS_C = pytest.mark.skipif(native.compiler() is None, reason="no C compiler")
HAS_CXX = execution._has_cxx()
NEEDS_CXX = pytest.mark.skipif(not HAS_CXX, reason="no C++ compiler")


def for_dtypes(execution: str, *dtypes) -> None:
    """Skip where a compiled step of these dtypes is torch.compile's: of half precision it is."""
    if execution == "compiled" and any(dtype.itemsize == 2 for dtype in dtypes) and not HAS_CXX:
        pytest.skip("no C++ compiler")
