"""LAMB."""

from mutations import Mutation

MUTATIONS = {
    # The deck has the common name.
    "lamb-name": Mutation(quotes={"with Mini-Batches": "Moments optimizer for Batch training"}),
    # The deck declares what its lines use, and has β₁ in line 4.
    "lamb-symbols": Mutation(
        quotes={
            r"\beta m_{t-1}": r"\beta_1 m_{t-1}",
            "lr η_t ,": "lr η_t , decay λ , number h of layers ,",
        }
    ),
    # The length is divided by before the decay is added.
    "lamb-update": Mutation(rules={"lamb": ("norm(u)", "norm(u - weight_decay * x)")}),
    # The deck has the published line.
    "lamb-line-4": Mutation(
        quotes={
            r"\beta m_{t-1} + (1 - \beta_1)(g_t + \lambda x_t)": (
                r"\beta_1 m_{t-1} + (1 - \beta_1) g_t"
            )
        },
        edits={"sorted({0.001, 0.01, 0.03, weight_decay})": "[]"},  # they decide nothing
    ),
    # A program that keeps the uncorrected moments.
    "lamb-hats": Mutation(
        edits={
            "(m_hat, v_hat) if lines_6_and_7 else (m, v)": "(m, v)",
            "for decay in (0.0, weight_decay)": "for decay in ()",
        },
        again=("literal = as_printed(",),
    ),
    # A rate that falls more slowly than the theorem's.
    "lamb-bound-first": Mutation(
        edits={'{"lr": 1 / math.sqrt(T), "beta1"': '{"lr": T ** (-1 / 3), "beta1"'}
    ),
    # The deck has the root.
    "lamb-bound-second": Mutation(
        edits={"front * (2 * D * L1 / T_ + noise)": "front * (sympy.sqrt(2 * D * L1 / T_) + noise)"}
    ),
    # No regularizer.
    "lamb-bound-optimum": Mutation(
        edits={
            "path = one_weight(T, weight_decay=2.0)": "path = one_weight(T, weight_decay=0.0)",
            "a + 2 * (a + 1)": "a",
        }
    ),
    # A start at the optimum, from which no gradient is large.
    "lamb-bound-iterate": Mutation(
        edits={
            "x, s, slopes = -1.0, rules.lamb.init(-1.0)": "x, s, slopes = 1.0, rules.lamb.init(1.0)"
        }
    ),
}
