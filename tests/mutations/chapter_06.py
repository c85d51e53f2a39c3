"""Weight decay."""

from mutations import Mutation

AGAIN = ("def first(rule,",)

MUTATIONS = {
    # A rate of its own for each coordinate.
    "decay-prop-1": Mutation(
        rules={"gradient_descent": ("lr * g", "lr * w**2 * g")},
        again=("def solutions(",),
    ),
    # A heavy ball without memory is plain gradient descent.
    "analysis-not-identical": Mutation(
        rules={"momentum": ("momentum * s.b + (1 - dampening) * g", "g")},
        again=("heavy_differs =",),
    ),
    # Neither divides by the root of the second moment.
    "decay-conclusion": Mutation(
        rules={
            "adam": (" / (sqrt(v_hat) + eps)", ""),
            "adamw": (" / (sqrt(v_hat) + eps)", ""),
        },
        again=AGAIN,
    ),
    # The second moment of AdamW has the penalty's gradient, too.
    "decay-adapted-sum": Mutation(
        rules={"adamw": ("* g**2", "* (g + weight_decay * p) ** 2")}, again=AGAIN
    ),
    # The first has it.
    "analysis-decoupling": Mutation(
        rules={"adamw": ("(1 - beta1) * g", "(1 - beta1) * (g + weight_decay * p)")}, again=AGAIN
    ),
    # The penalty of Proposition 3: each coordinate has its coefficient.
    "decay-prop-2": Mutation(
        edits={"weight_decay=coefficient, **frozen": "weight_decay=coefficient * s, **frozen"}
    ),
    # Weights scaled by s, not by its root.
    "decay-prop-3": Mutation(edits={"(x * sympy.sqrt(y)) ** 2": "(x * y) ** 2"}),
    # The deck has the coefficient of the paper's proof.
    "decay-prop-3-coefficient": Mutation(edits={"(lam / alpha) / alpha": "lam / alpha"}),
    # The deck has the inverse.
    "decay-prop-3-preconditioner": Mutation(edits={"lambda x: (s - 1) * x": "lambda x: x / s"}),
    # The deck has the elementwise square.
    "decay-algorithm-line-4": Mutation(
        edits={
            "sum(x**2 for x in g)": "g**2",
            "root = sympy.sqrt(v / (1 - beta2**t))": "root = (v / (1 - beta2**t)).map(sympy.sqrt)",
        }
    ),
    # The deck has the decay outside the bracket that α multiplies.
    "decay-algorithm-rate": Mutation(
        edits={"return q - lr * weight_decay * p, s": "return q - weight_decay * p, s"},
        again=("four = {", "mixed = {}"),
    ),
    # Adam with L₂ on both sides.
    "decay-same-rate": Mutation(
        edits={"for runs in measured[name]": 'for runs in measured["Adam with L₂"]'}
    ),
}
