"""Quotes are the deck's own words, and letters are read off them."""

import deck
import pytest

from optlab.report.claims import assigned, letters, load, undeclared


@pytest.mark.parametrize("id", [s.id for s in load().values() if s.quotes])
def test_a_quote_is_verbatim(id):
    for quote in load()[id].quotes:
        assert deck.says(quote), quote


def test_every_statement_has_a_quote():
    assert [s.id for s in load().values() if not s.quote] == []


def test_the_fingerprint_tells_other_words():
    text = "the quick brown fox jumps over the lazy dog"
    known = deck.fingerprint(text)
    assert deck.says("brown fox jumps", known)
    assert not deck.says("brown cat jumps", known)
    assert not deck.says("fox  jumps over", known)
    assert not deck.says("over the quick brown", known)
    quote = load()["adam-line-4"].quote
    assert not deck.says(quote.replace("v_{t-1}", "v_{t}"))
    assert not deck.says(quote.replace(r"\|g_t\|_2^2", "g_t^2"))
    with pytest.raises(ValueError, match="too short"):
        deck.says("the")


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        (r"\theta_{t-1} - \alpha \hat{m}_t / (\sqrt{\hat{v}_t} + \epsilon)", "θ t α m v ε"),
        (r"\frac{\alpha(1+\beta_1)G_\infty}{(1-\beta)\sqrt{1-\beta_2}}", "α β_1 G_∞ β β_2"),
        (r"\sum_{i=1}^d \|g_{1:T,i}\|_2", "i d g T"),
        (r"\Pi_{\mathcal{K}}(w_t)", "𝒦 w t"),
        (r"stepsize $\{\alpha_t\}_{t=1}^T, \{\beta_{1t}\}_{t=1}^T", "α t β_1"),
        (r"Draw b sample S_t from \mathbb{P}", "b S t ℙ"),
        (r"\nabla \ell(x_t, s_t)", "ℓ x t s"),
        (r"G_t = G_{t-1} + g_t g_t^T", "G t g"),
        (r"X_0 \in \mathcal{R}^{n \times m}", "X_0 n m"),
        (r"scaling func ϕ , regularization constant ϵ , learning rate η_t", "ϕ ε η t"),
    ],
)
def test_letters(formula, found):
    assert letters(formula) - {"T"} == set(found.split()) - {"T"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (r"x_{t+1}^{(i)} = x_t^{(i)} - \eta_t m_t^{(i)}$ for all $i \in [h]$", "x i"),
        (r"v_t \leftarrow \beta_2 v_{t-1}", "v"),
        (r"\sum_{i=1}^d \hat{v}_{T,i}", "i"),
        (r"Draw b sample S_t from \mathbb{P}", "S"),
        (r"**for** $t = 1$ to T **do**", "t"),
        (r"R(T) \leq D", ""),
    ],
)
def test_assigned(line, found):
    assert assigned([line]) == set(found.split())


def test_undeclared():
    lines = [r"x_{t+1} = x_t - \eta_t g_t + \lambda x_t", r"g_t = \beta g_{t-1}"]
    assert undeclared(lines, ["x_1 , rate η_t", "t"]) == {"λ", "β"}
    assert undeclared([*lines, r"\lambda = 1"], ["rate η", r"\beta"]) == {"t"}


@pytest.mark.parametrize(
    ("used", "declared", "stray"),
    [
        (r"\eta g", "rate η_t , g , t", "η"),
        (r"\eta_t g_t", "rate η , g , t", ""),
        (r"\eta_1 g", "rates η_t , g", ""),
        (r"\beta_1 + \gamma", r"\beta", "β_1 γ"),
        (r"\beta", r"\beta_1", "β"),
        (r"\alpha (1 + \beta_1)", r"$\{\alpha_t\}_{t=1}^T, \{\beta_{1t}\}_{t=1}^T$", "α β_1"),
        (r"\alpha_t m_t", r"$\{\alpha_t\}_{t=1}^T$ , m", ""),
        # An index of a sum, of a gradient or of a bracket is none of the letter before.
        (r"\alpha \sum_{i=1}^d x_i", "α , x , d", ""),
        (r"\alpha \nabla_x f", "α , x , f", ""),
        (r"\alpha \sum_{i=1}^d x_i", "α_t , x , d", "α"),
        (r"\sqrt{\hat{v}_T}", "v , T", ""),
        (r"\sqrt{\hat{v}}", r"\hat{v}_t", "v"),
    ],
)
def test_a_sequence_and_a_number_are_declared_apart(used, declared, stray):
    assert undeclared([used], [declared]) == set(stray.split())
