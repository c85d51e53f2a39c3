"""Edits of the rules, and the checks that then come out otherwise than for the book's."""

# The edits of the rule, and the checks that come out otherwise than for the book's.
MAXIMUM = ("v_hat = v / (1 - beta2**t)", "v_hat = maximum(s.v_hat, v / (1 - beta2**t))")
STEP = "newton_schulz(D, a, b, c, eps, tall, rounded)"
EDITS = {
    "the momentum itself": ("muon", [(STEP, "D")], {"muon.unit_free", "muon.alike"}),
    "the signs of the momentum": ("muon", [(STEP, "sign(D)")], {"muon.rotated", "muon.alike"}),
    "Muon's decay, twice": (
        "muon",
        [("+ weight_decay * X", "+ 2 * weight_decay * X")],
        {"muon.decays"},
    ),
    "ε with the squares, in Adam": (
        "adam",
        [("(1 - beta2) * g**2", "(1 - beta2) * (g**2 + 1)")],
        {
            "adam.averages",
            "adam.state_scales",
            "adam.same_step",
            "adam.first_step",
            "adam.beside_root",
        },
    ),
    "momentum that counts from one": (
        "momentum",
        [("momentum * s.b", "(1 + momentum) * s.b")],
        {"descent.without_memory", "descent.two_step", "descent.nesterov"},
    ),
    "the penalty's share, twice": (
        "with_l2",
        [("g + weight_decay * p", "g + (1 + weight_decay) * p")],
        {
            "decay.zero_is_adam",
            "decay.penalizes",
            "decay.first_step_l2",
            "decay.heavy_l2",
            "decay.share",
        },
    ),
    "the second moment as a maximum": (
        "adam",
        [("beta2 * s.v + (1 - beta2) * g**2", "maximum(beta2 * s.v, g**2)")],
        {"adam.averages", "adam.first_step", "adam.beside_root"},
    ),
    "AMSGrad's maximum": (
        "adam",
        [MAXIMUM, ("v=v", "v=v, v_hat=v_hat"), ("v=zeros", "v_hat=zeros_like, v=zeros")],
        {"adam.never_falls"},
    ),
    "ε inside the root": (
        "adam",
        [("sqrt(v_hat) + eps", "sqrt(v_hat + eps)")],
        {"adam.beside_root"},
    ),
    "the deck's line 4": ("adam", [("g**2", "norm(g)**2")], {"adam.own_gradient"}),
    "decoupled decay": (
        "adam",
        [("+ eps)", "+ eps) - lr * weight_decay * p"), ("eps):", "eps, weight_decay):")],
        {"adam.first_step", "adam.beside_root", "adam.anywhere"},
    ),
    "no bias correction": (
        "adam",
        [("m / (1 - beta1**t)", "m"), ("v / (1 - beta2**t)", "v")],
        {"adam.first_step", "adam.beside_root"},
    ),
    "a plain gradient": (
        "adam",
        [("m = beta1 * s.m + (1 - beta1) * g ", "m = g ")],
        {"adam.averages", "adam.heavy_ball", "adam.first_step", "adam.beside_root"},
    ),
    "normalized gradients": (
        "gradient_descent",
        [("lr * g", "lr * g / norm(g)")],
        {"descent.one_step", "descent.proportional"},
    ),
    "decay beside the gradient": (
        "gradient_descent",
        [("w - lr * g", "0.9 * w - lr * g")],
        {"descent.one_step", "descent.anywhere", "descent.proportional"},
    ),
    "an average for a sum": (
        "momentum",
        [("(1 - dampening)", "(1 - momentum)")],
        {"descent.two_step", "descent.nesterov"},
    ),
    "always Nesterov": (
        "momentum",
        [("if nesterov else b", "if True else b")],
        {"descent.two_step"},
    ),
    "never Nesterov": (
        "momentum",
        [("if nesterov else b", "if False else b")],
        {"descent.nesterov"},
    ),
    "the last square": (
        "adagrad",
        [("s.sum + g**2", "g**2")],
        {"adagrad.mirror_descent", "adam.never_falls"},
    ),
    "one sum for all": ("adagrad", [("g**2", "norm(g)**2")], {"adagrad.own_gradient"}),
    "δ inside the root": (
        "adagrad",
        [("delta + sqrt(sum)", "sqrt(delta + sum)")],
        {"adagrad.mirror_descent"},
    ),
    "squares for roots": (
        "adagrad",
        [("sqrt(sum)", "sum")],
        {"adagrad.mirror_descent", "adagrad.unit_free", "adagrad.first_step"},
    ),
    "the last gradient": ("adagrad_dual", [("s.z + g", "g")], {"adagrad.closed_form"}),
    "a matrix of the last gradient": (
        "adagrad_full_dual",
        [("s.G + outer(g, g)", "outer(g, g)")],
        {"adagrad.closed_form"},
    ),
    "no matrix": (
        "adagrad_full_dual",
        [("solve_root(G, delta, z)", "z")],
        {"adagrad.closed_form", "adagrad.unit_free"},
    ),
    "no product": (
        "factored_adam",
        [("* row_sums(G**2)", "* mean(G**2)")],
        {"adafactor.transposed", "adafactor.rank_one"},
    ),
    "no correction": (
        "factored_adam",
        [("(column_sums(R) * (1 - beta2**t))", "column_sums(R)")],
        {"adafactor.rank_one"},
    ),
    "ε with the squares": (
        "factored_adam",
        [("row_sums(G**2)", "row_sums(G**2 + 1)")],
        {"adafactor.transposed", "adafactor.rank_one", "adafactor.scale_free"},
    ),
    "no clipping, no scale": (
        "adafactor",
        [("_step(X, U, t, lr, eps2, d)", "lr * U")],
        {"adafactor.clipped", "adafactor.relative"},
    ),
    "columns only": ("adafactor", [("sqrt(R / column_means(R)) * ", "")], {"adafactor.transposed"}),
    "no maximum": (
        "amsgrad",
        [("maximum(s.v_hat, v)", "v")],
        {"amsgrad.line_4", "adam.never_falls"},
    ),
    "the wrong divisor": (
        "amsgrad",
        [("sqrt(v_hat)", "sqrt(v)")],
        {"amsgrad.line_5", "adam.never_falls"},
    ),
    "no first moment": ("amsgrad", [("beta1 * s.m + (1 - beta1) * g", "g")], {"amsgrad.line_2"}),
    "AMSGrad with line 4 of the deck's Adam": (
        "amsgrad",
        [("g**2", "norm(g)**2")],
        {"amsgrad.own_gradient"},
    ),
    "a sum of squares": (
        "amsgrad",
        [("beta2 * s.v + (1 - beta2) * g**2", "s.v + g**2")],
        {"amsgrad.line_3"},
    ),
    "L2 beside the step": (
        "with_l2",
        [
            (
                "return inner(p, g + weight_decay * p, s, t, **hyperparameters)",
                "q, s = inner(p, g, s, t, **hyperparameters)\n"
                "        return q - weight_decay * p, s",
            )
        ],
        {
            "decay.penalizes",
            "decay.heavy_l2",
            "decay.first_step_l2",
            "decay.share",
            "decay.moments",
        },
    ),
    "the paper's λ": (
        "with_decay",
        [("q - lr * weight_decay", "q - weight_decay")],
        {
            "decay.shrinks",
            "decay.heavy_decay",
            "decay.preconditioned",
            "decay.scaled_penalty",
            "decay.rests",
            "decay.same_share",
        },
    ),
    "decay in the gradient": (
        "with_decay",
        [("inner(p, g, s", "inner(p, g + weight_decay * p, s"), ("q - lr * weight_decay * p", "q")],
        {
            "decay.heavy_decay",
            "decay.preconditioned",
            "decay.scaled_penalty",
            "decay.rests",
            "decay.moments",
            "decay.same_share",
        },
    ),
    "decay that is always there": (
        "with_decay",
        [("weight_decay * p", "(1 + weight_decay) * p")],
        {
            "decay.shrinks",
            "decay.heavy_decay",
            "decay.preconditioned",
            "decay.scaled_penalty",
            "decay.rests",
            "decay.zero_is_adam",
        },
    ),
    "λ times the rate": (
        "adamw",
        [("weight_decay * p", "lr * weight_decay * p")],
        {"decay.paper_decay", "decay.adamw_first_step"},
    ),
    "L2 in AdamW": (
        "adamw",
        [
            ("(1 - beta1) * g", "(1 - beta1) * (g + weight_decay * p)"),
            (" + weight_decay * p\n", "\n"),
        ],
        {"decay.adamw_moments", "decay.paper_decay", "decay.adamw_first_step"},
    ),
    "AdamW with ‖g‖²": ("adamw", [("g**2", "norm(g)**2")], {"adam.own_gradient"}),
    "AdamW without corrections": (
        "adamw",
        [("m / (1 - beta1**t)", "m")],
        {"decay.adamw_zero_is_adam", "decay.adamw_first_step"},
    ),
    "no norm of the weights": (
        "lars",
        [("trust_coefficient * norm(w)", "trust_coefficient")],
        {"lars.rescaled", "lars.first_length"},
    ),
    "no norm of the gradient": (
        "lars",
        [("norm(g) + weight_decay", "1 + weight_decay")],
        {"lars.rescaled", "lars.loss_scaled", "lars.first_length"},
    ),
    "the second form, without its average": (
        "lars_deck",
        [("beta1 * s.m + (1 - beta1) * ", "")],
        {"lars.averaged"},
    ),
    "the second form, without norms": (
        "lars_deck",
        [("ratio(phi(norm(x)), norm(m)) * m", "m")],
        {"lars.rescaled", "lars.loss_scaled", "lars.length"},
    ),
    "the second form, decay outside": (
        "lars_deck",
        [("norm(m)) * m", "norm(m)) * m - weight_decay * x")],
        {"lars.length", "lars.parallel"},
    ),
    "decay twice": (
        "lamb",
        [("m_hat / (sqrt", "(m_hat + weight_decay * x) / (sqrt")],
        {"lamb.parallel", "lamb.first_direction"},
    ),
    "no trust": ("lamb", [("ratio(phi(norm(x)), norm(u)) * u", "u")], {"lamb.length"}),
    "no second moment": (
        "lamb",
        [("m_hat / (sqrt(v_hat) + eps)", "m_hat")],
        {"lamb.parallel", "lamb.first_direction"},
    ),
    "a rate of the gradient": (
        "lamb",
        [("lr * ratio", "lr * norm(g) * ratio")],
        {"lamb.length", "lamb.loss_scaled"},
    ),
    "a sum for a maximum": ("sophia", [("maximum(s.h, eps)", "(s.h + eps)")], {"sophia.box"}),
    "no clip": (
        "sophia",
        [("maximum(minimum(m / maximum(s.h, eps), rho), -rho)", "m / maximum(s.h, eps)")],
        {"sophia.box", "sophia.clipped"},
    ),
    "decay inside": (
        "sophia",
        [("m / maximum(", "(m + weight_decay * p) / maximum("), ("lr * weight_decay * p - ", "")],
        {"sophia.decoupled"},
    ),
    "Sophia without momentum": (
        "sophia",
        [("beta1 * s.m + (1 - beta1) * g", "g")],
        {"sophia.memory"},
    ),
}
