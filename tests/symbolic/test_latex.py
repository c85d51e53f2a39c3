"""A rule as the page shows it, in the paper's intermediate symbols."""

import pytest
import sympy

from optlab.rules import State, adam, gradient_descent, momentum, rule, with_l2
from optlab.symbolic import latex, operator, record

ADAM = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t \\
v_t &= \beta_2 v_{t-1} + \left(1 - \beta_2\right) g_t^{2} \\
\hat{m}_t &= \frac{m_t}{1 - \beta_1^{t}} \\
\hat{v}_t &= \frac{v_t}{1 - \beta_2^{t}} \\
\theta_t &= \theta_{t-1} - \frac{\eta \hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon}
\end{aligned}"""

GRADIENT_DESCENT = r"""\begin{aligned}
\theta_t &= \theta_{t-1} - \eta g_t
\end{aligned}"""

PROJECTED = r"""\begin{aligned}
w_{t+1} &= \Pi_K\!\left(w_t - \eta g_t\right)
\end{aligned}"""

MOMENTUM = r"""\begin{aligned}
b_t &= \mu b_{t-1} + \left(1 - \tau\right) g_t \\
\theta_t &= \theta_{t-1} - \eta b_t
\end{aligned}"""

NESTEROV = r"""\begin{aligned}
b_t &= \mu b_{t-1} + g_t \\
d_t &= g_t + \mu b_t \\
\theta_t &= \theta_{t-1} - \alpha d_t
\end{aligned}"""

ADAM_L2_WITHOUT_EPS = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) \left(g_t + \lambda \theta_{t-1}\right) \\
v_t &= \beta_2 v_{t-1} + \left(1 - \beta_2\right) \left(g_t + \lambda \theta_{t-1}\right)^{2} \\
\hat{m}_t &= \frac{m_t}{1 - \beta_1^{t}} \\
\hat{v}_t &= \frac{v_t}{1 - \beta_2^{t}} \\
\theta_t &= \theta_{t-1} - \frac{\eta \hat{m}_t}{\sqrt{\hat{v}_t}}
\end{aligned}"""

PAGES = [
    (adam, {}, ADAM),
    (gradient_descent, {}, GRADIENT_DESCENT),
    (
        gradient_descent,
        {"project": operator(r"\Pi_K"), "parameter": ("w_t", "w_{t+1}")},
        PROJECTED,
    ),
    (momentum, {}, MOMENTUM),
    (
        momentum,
        {"nesterov": True, "dampening": 0, "names": {"lr": r"\alpha", "step": "d"}},
        NESTEROV,
    ),
    (with_l2(adam), {"eps": 0}, ADAM_L2_WITHOUT_EPS),
]


@pytest.mark.parametrize(("rule", "options", "page"), PAGES)
def test_latex(rule, options, page):
    assert latex(rule, **options) == page


def symbol(kind, name):
    return sympy.Symbol(f"{kind}:{name}")


def test_record_names_what_the_rule_assigns():
    recorded = record(adam, symbol)
    assert [name for name, _ in recorded.steps] == ["m", "v", "m_hat", "v_hat"]
    assert recorded.state == {"m": symbol("local", "m"), "v": symbol("local", "v")}
    assert {str(x) for x in recorded.parameter.free_symbols} == {
        "parameter:p",
        "hyperparameter:lr",
        "hyperparameter:eps",
        "local:m_hat",
        "local:v_hat",
    }


def test_record_follows_the_flag_it_is_given():
    assert [name for name, _ in record(momentum, symbol).steps] == ["b"]
    assert [name for name, _ in record(momentum, symbol, nesterov=True).steps] == ["b", "step"]


def test_a_fixed_zero_leaves_no_trace():
    recorded = record(with_l2(momentum), symbol, momentum=0, dampening=0, weight_decay=0)
    assert recorded.steps == (("b", symbol("gradient", "g")),)
    assert recorded.parameter == symbol("parameter", "p") - (
        symbol("hyperparameter", "lr") * symbol("local", "b")
    )


@pytest.mark.parametrize("write", [latex, lambda r, **fixed: record(r, symbol, **fixed)])
def test_an_unknown_name_is_refused(write):
    with pytest.raises(TypeError, match="adam has no hyperparameter epsilon"):
        write(adam, epsilon=0)


@rule()
def twice(p, g, s, t, *, lr):
    """A rule that gives one name two values."""
    d = 2 * g
    d = d + 1
    return p - lr * d, State()


@rule()
def overwrites(p, g, s, t, *, lr):
    """A rule that gives the gradient's name another value."""
    g = 2 * g
    return p - lr * g, State()


@pytest.mark.parametrize(("wrong", "name"), [(twice, "d"), (overwrites, "g")])
def test_a_name_with_two_values_is_refused(wrong, name):
    with pytest.raises(ValueError, match=f"{wrong.name} gives {name} a second value"):
        latex(wrong)
