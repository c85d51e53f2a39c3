"""Sophia."""

from mutations import Mutation

# Enough steps to tell whether their number depends on the curvatures.
FEWER = {"CAP = 1000": "CAP = 100"}

MUTATIONS = {
    # Adam without its denominator.
    "sophia-adam-curvature": Mutation(
        rules={"adam": ("m_hat / (sqrt(v_hat) + eps)", "m_hat")},
        edits=FEWER,
        again=("blind = {",),
    ),
    # No longest step to one side.
    "sophia-clipped": Mutation(
        rules={
            "sophia": (
                "maximum(minimum(m / maximum(s.h, eps), rho), -rho)",
                "minimum(m / maximum(s.h, eps), rho)",
            )
        },
        again=("by_search = d[",),
    ),
    # The gradient of a mean, squared, without the size of the batch.
    "sophia-update": Mutation(
        rules={"optim.gauss_newton_bartlett": ("len(flat) * g * g", "g * g")},
        again=("of_H, of_G = many(hutchinson, loss)",),
    ),
    # An estimate in each step.
    "sophia-light": Mutation(edits={"1 + value / settings.every": "1 + value"}),
    # The step is divided by the root of the curvature.
    "sophia-conquers": Mutation(
        rules={"sophia": ("maximum(s.h, eps)", "maximum(s.h, eps) ** 0.5")},
        edits=FEWER,
        again=("blind = {",),
    ),
}
