"""Schedule-free AdamW: steps of one sequence, an average of them, gradients between the two."""

from optlab.ops import copy, maximum, minimum, sqrt, zeros_like
from optlab.rules.rule import State, rule


@rule(z=copy, v=zeros_like)
def schedule_free(y, g, s, t, *, lr, beta1, beta2, eps, weight_decay, warmup_steps):
    """Defazio et al. (2024), Algorithm 1, with v corrected as in Adam, as in their code; steps of
    the warm-up weigh less in the average x, and no others."""
    v = beta2 * s.v + (1 - beta2) * g**2
    v_hat = v / (1 - beta2**t)
    T = maximum(warmup_steps, 1)
    n = minimum(t, T)
    total = n * (n + 1) * (2 * n + 1) / (6 * T**2) + t - n  # Σ min(1, i/T)² for i ≤ t
    c = (n / T) ** 2 / total
    step = lr * n / T * (g / (sqrt(v_hat) + eps) + weight_decay * y)
    z = s.z - step
    # What (1 - β1) z + β1 x becomes when x moves to (1 - c) x + c z; x itself is not kept.
    return y + c * (s.z - y) - (1 - beta1 * (1 - c)) * step, State(z=z, v=v)


schedule_free.makes(
    "AdamWScheduleFree",
    lr=2.5e-3,
    beta1=0.9,
    beta2=0.999,
    eps=1e-8,
    weight_decay=0.0,
    warmup_steps=0,
)
