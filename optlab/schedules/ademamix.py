"""How AdEMAMix lets its slow average grow: Pagliardini et al. (2024), Section 3.

Both are multipliers, as all schedules are, here of the entries alpha and beta3 of the groups::

    optimizer = optlab.AdEMAMix(params, lr=1e-3, alpha=8.0)
    growing = {"alpha": ademamix_alpha(T), "beta3": ademamix_beta3(T)}
    scheduler = LRScheduler(optimizer, {"lr": cosine(T), **growing})
"""

from typing import Any

from optlab.ops import log, where
from optlab.schedules.schedule import schedule


@schedule(T="> 0")
def ademamix_alpha(t: Any, T: Any) -> Any:
    """Of the weight α, linear: n/T for update n, and 1 from update T on."""
    n = t + 1
    return where(n < T, n / T, 1)


@schedule(T="> 0", beta1="in (0, 1)", beta3="in (0, 1)")
def ademamix_beta3(t: Any, T: Any, beta1: Any = 0.9, beta3: Any = 0.9999) -> Any:
    """Of the decay rate β3: from β1 to β3 at update T, and there it stays.

    What grows linearly is -1/ln β, and with it the half-life of the average. Give both numbers as
    the optimizer has them.
    """
    n = t + 1
    k = log(beta3) / log(beta1)
    return where(n < T, beta1 ** (k / (k + (1 - k) * n / T)) / beta3, 1)
