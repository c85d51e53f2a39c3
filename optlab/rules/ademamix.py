"""AdEMAMix: AdamW whose step also has a slow average of gradients, which remembers old ones.

Its paper lets the weight and the decay of that average grow, by `schedules.ademamix_alpha` and
`schedules.ademamix_beta3`.
"""

from optlab.ops import sqrt, zeros_like
from optlab.rules.rule import State, rule


@rule("AdEMAMix", m1=zeros_like, m2=zeros_like, nu=zeros_like)
def ademamix(
    p,
    g,
    s,
    t,
    *,
    lr=1e-3,
    beta1=0.9,
    beta2=0.999,
    beta3=0.9999,
    alpha=5.0,
    eps=1e-8,
    weight_decay=0.0,
):
    """Pagliardini et al. (2024), Algorithm 1."""
    m1 = beta1 * s.m1 + (1 - beta1) * g
    m2 = beta3 * s.m2 + (1 - beta3) * g  # the slow one; it is not corrected
    nu = beta2 * s.nu + (1 - beta2) * g**2
    m1_hat = m1 / (1 - beta1**t)
    nu_hat = nu / (1 - beta2**t)
    step = (m1_hat + alpha * m2) / (sqrt(nu_hat) + eps)
    return p - lr * (step + weight_decay * p), State(m1=m1, m2=m2, nu=nu)
