"""AMSGrad."""

from mutations import Mutation

# The rule on symbols, line by line.
LINES = ("line_2, line_3, line_4, line_5 = (",)

MUTATIONS = {
    # Distances are Euclidean; and fewer of them.
    "amsgrad-projection": Mutation(
        edits={
            "p = domain(y, h)": "p = domain(y)",
            "for k in range(200)": "for k in range(20)",
            "if k < 20": "if k < 2",
        },
    ),
    # A momentum that sums, and averages nothing.
    "amsgrad-update": Mutation(
        rules={"amsgrad": ("beta1 * s.m + (1 - beta1) * g", "beta1 * s.m + g")},
        again=LINES,
    ),
    # The second moment of Adam.
    "amsgrad-max": Mutation(rules={"amsgrad": ("maximum(s.v_hat, v)", "v")}, again=LINES),
    # The deck has the published factor.
    "amsgrad-regret-second-term": Mutation(quotes={r"(1+\beta_1)": "(1+0)"}),
    # The deck has the published coefficient.
    "amsgrad-regret-third-term": Mutation(quotes={r"{(1-\beta_1)^2}": r"{2(1-\beta_1)}"}),
    # The deck declares the losses.
    "amsgrad-symbols": Mutation(quotes={"Require: $x_1": "Require: losses f_t , $x_1"}),
    # A bound in which the size of the set is not squared.
    "amsgrad-regret-bound": Mutation(
        quotes={r"{D_\infty^2}{\alpha": r"{D_\infty}{\alpha"},
        again=("rearranged = sympy.simplify(",),
    ),
}
