"""A rule as the page shows it, in the paper's intermediate symbols."""

# ruff: noqa: E501 - the page is compared line by line

import pytest
import sympy

from optlab.ops import zeros_like
from optlab.rules import (
    State,
    adafactor,
    adagrad,
    adagrad_dual,
    adagrad_full,
    adam,
    adamw,
    ademamix,
    amsgrad,
    cautious,
    gradient_descent,
    l1,
    lamb,
    lars,
    lars_deck,
    momentum,
    rule,
    sophia,
    with_decay,
    with_l2,
)
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

ADAGRAD = r"""\begin{aligned}
G_t &= G_{t-1} + g_t^{2} \\
h_t &= \delta + \sqrt{G_t} \\
y_t &= \theta_{t-1} - \frac{\eta g_t}{h_t} \\
\theta_t &= y_t
\end{aligned}"""

ADAGRAD_L1 = r"""\begin{aligned}
G_t &= G_{t-1} + g_t^{2} \\
h_t &= \delta + \sqrt{G_t} \\
y_t &= x_t - \frac{\eta g_t}{h_t} \\
x_{t+1} &= \operatorname{sign}\!\left(y_t\right) \max\left(0, \operatorname{sign}\!\left(y_t\right) y_t - \lambda \frac{\eta}{h_t}\right)
\end{aligned}"""

ADAGRAD_DUAL = r"""\begin{aligned}
G_t &= G_{t-1} + g_t^{2} \\
z_t &= z_{t-1} + g_t \\
h_t &= \delta + \sqrt{G_t} \\
y_t &= x_1 - \frac{\eta z_t}{h_t} \\
x_{t+1} &= \Pi_{\mathcal{X}}\!\left(y_t\right)
\end{aligned}"""

ADAGRAD_FULL = r"""\begin{aligned}
G_t &= G_{t-1} + g_t g_t^\top \\
\theta_t &= \theta_{t-1} - \eta \left(\delta I + G_t^{1/2}\right)^{-1} g_t
\end{aligned}"""

ADAMW = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t \\
v_t &= \beta_2 v_{t-1} + \left(1 - \beta_2\right) g_t^{2} \\
\hat{m}_t &= \frac{m_t}{1 - \beta_1^{t}} \\
\hat{v}_t &= \frac{v_t}{1 - \beta_2^{t}} \\
u_t &= \frac{\alpha \hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} + \lambda \theta_{t-1} \\
\theta_t &= \theta_{t-1} - \eta u_t
\end{aligned}"""

ADAMW_OF_TORCH = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t \\
v_t &= \beta_2 v_{t-1} + \left(1 - \beta_2\right) g_t^{2} \\
\hat{m}_t &= \frac{m_t}{1 - \beta_1^{t}} \\
\hat{v}_t &= \frac{v_t}{1 - \beta_2^{t}} \\
\theta_t &= \theta_{t-1} - \frac{\eta \hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} - \eta \lambda \theta_{t-1}
\end{aligned}"""

AMSGRAD = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t \\
v_t &= \beta_2 v_{t-1} + \left(1 - \beta_2\right) g_t^{2} \\
\hat{v}_t &= \max\left(\hat{v}_{t-1}, v_t\right) \\
h_t &= \sqrt{\hat{v}_t} \\
x_{t+1} &= \Pi_{\mathcal{F}}\!\left(x_t - \frac{\eta m_t}{h_t}\right)
\end{aligned}"""

LAMB = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t \\
v_t &= \beta_2 v_{t-1} + \left(1 - \beta_2\right) g_t^{2} \\
\hat{m}_t &= \frac{m_t}{1 - \beta_1^{t}} \\
\hat{v}_t &= \frac{v_t}{1 - \beta_2^{t}} \\
u_t &= \frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} + \lambda x_t \\
x_{t+1} &= x_t - \eta \frac{\phi\!\left(\left\lVert x_t \right\rVert\right)}{\left\lVert u_t \right\rVert} u_t
\end{aligned}"""

LARS = r"""\begin{aligned}
\gamma_t &= \frac{\eta_0 \left\lVert \theta_{t-1} \right\rVert}{\left\lVert g_t \right\rVert + \lambda \left\lVert \theta_{t-1} \right\rVert} \\
v_t &= \mu v_{t-1} + \eta \gamma_t \left(g_t + \lambda \theta_{t-1}\right) \\
\theta_t &= \theta_{t-1} - v_t
\end{aligned}"""

LARS_DECK = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) \left(g_t + \lambda \theta_{t-1}\right) \\
\theta_t &= \theta_{t-1} - \eta \frac{\left\lVert \theta_{t-1} \right\rVert}{\left\lVert m_t \right\rVert} m_t
\end{aligned}"""

SOPHIA = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t \\
u_t &= \max\left(- \rho, \min\left(\rho, \frac{m_t}{\max\left(\epsilon, h_t\right)}\right)\right) \\
\theta_t &= \theta_{t-1} - \eta \lambda \theta_{t-1} - \eta u_t
\end{aligned}"""

ADAFACTOR = r"""\begin{aligned}
\beta_{2,t} &= 1 - t^{c} \\
R_t &= \beta_{2,t} R_{t-1} + \left(1 - \beta_{2,t}\right) \tfrac{1}{m} \left(g_t^{2} + \epsilon_1\right) 1_m \\
C_t &= \beta_{2,t} C_{t-1} + \left(1 - \beta_{2,t}\right) \tfrac{1}{n} 1_n^\top \left(g_t^{2} + \epsilon_1\right) \\
U_t &= \frac{g_t}{\sqrt{\frac{R_t}{\tfrac{1}{n} 1_n^\top R_t}} \sqrt{C_t}} \\
\hat{U}_t &= \frac{U_t}{\max\left(1, \frac{\sqrt{\operatorname{mean}\!\left(U_t^{2}\right)}}{d}\right)} \\
\rho_t &= \min\left(\eta, \frac{1}{\sqrt{t}}\right) \\
\alpha_t &= \max\left(\epsilon_2, \sqrt{\operatorname{mean}\!\left(X_{t-1}^{2}\right)}\right) \rho_t \\
X_t &= X_{t-1} - \alpha_t \hat{U}_t
\end{aligned}"""

X = {"parameter": ("x_t", "x_{t+1}")}
ADEMAMIX = r"""\begin{aligned}
m_{1,t} &= \beta_1 m_{1,t-1} + \left(1 - \beta_1\right) g_t \\
m_{2,t} &= \beta_3 m_{2,t-1} + \left(1 - \beta_3\right) g_t \\
\nu_t &= \beta_2 \nu_{t-1} + \left(1 - \beta_2\right) g_t^{2} \\
\hat{m}_{1,t} &= \frac{m_{1,t}}{1 - \beta_1^{t}} \\
\hat{\nu}_t &= \frac{\nu_t}{1 - \beta_2^{t}} \\
u_t &= \frac{\hat{m}_{1,t} + \alpha m_{2,t}}{\sqrt{\hat{\nu}_t} + \epsilon} \\
\theta_t &= \theta_{t-1} - \eta \left(u_t + \lambda \theta_{t-1}\right)
\end{aligned}"""

ADAM_CAUTIOUS = r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t \\
v_t &= \beta_2 v_{t-1} + \left(1 - \beta_2\right) g_t^{2} \\
\hat{m}_t &= \frac{m_t}{1 - \beta_1^{t}} \\
\hat{v}_t &= \frac{v_t}{1 - \beta_2^{t}} \\
u_t &= \frac{\eta \hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} \\
\phi_t &= \max\left(0, \operatorname{sign}\!\left(u_t g_t\right)\right) \\
\theta_t &= \theta_{t-1} - \frac{u_t \phi_t}{\max\left(0.001, \operatorname{mean}\!\left(\phi_t\right)\right)}
\end{aligned}"""

DECAY_CAUTIOUS = r"""\begin{aligned}
b_t &= \mu b_{t-1} + g_t \\
\Delta_t &= \eta b_t + \eta \lambda \theta_{t-1} \\
\phi_t &= \max\left(0, \operatorname{sign}\!\left(\Delta_t g_t\right)\right) \\
\theta_t &= \theta_{t-1} - \frac{\Delta_t \phi_t}{\max\left(0.001, \operatorname{mean}\!\left(\phi_t\right)\right)}
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
    (adagrad, {}, ADAGRAD),
    (adagrad, {"prox": l1(sympy.Symbol(r"\lambda")), **X}, ADAGRAD_L1),
    (adagrad_dual, {"project": operator(r"\Pi_{\mathcal{X}}"), **X}, ADAGRAD_DUAL),
    (adagrad_full, {}, ADAGRAD_FULL),
    (adamw, {"names": {"step": "u"}}, ADAMW),
    (with_decay(adam), {}, ADAMW_OF_TORCH),
    (ademamix, {"names": {"step": "u"}}, ADEMAMIX),
    (cautious(adam), {"names": {"Delta": "u"}}, ADAM_CAUTIOUS),
    (cautious(with_decay(momentum)), {"dampening": 0}, DECAY_CAUTIOUS),
    (amsgrad, {"eps": 0, "project": operator(r"\Pi_{\mathcal{F}}"), **X}, AMSGRAD),
    (lamb, {"phi": operator(r"\phi"), **X}, LAMB),
    (lars, {"names": {"local": r"\gamma"}}, LARS),
    (lars_deck, {}, LARS_DECK),
    (sophia, {"names": {"step": "u"}}, SOPHIA),
    (adafactor, {"parameter": ("X_{t-1}", "X_t")}, ADAFACTOR),
]


@pytest.mark.parametrize(("rule", "options", "page"), PAGES, ids=lambda x: getattr(x, "name", ""))
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


def test_a_value_of_a_step_has_its_time_whatever_state_of_another_rule_is_called():
    @rule(m=zeros_like)
    def chained(p, g, s, t, *, lr):
        x1 = s.m + g
        return p - lr * x1, State(m=x1)

    assert latex(chained).splitlines()[1] == r"x_{1,t} &= m_{t-1} + g_t \\"
    assert r"x_{1,t}" not in latex(adagrad_dual)
