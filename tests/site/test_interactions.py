"""Interactions in chapters: what they compute, beside the package; and that they work on a page."""

import json
import math
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from py_mini_racer import MiniRacer

import optlab
from optlab import rules, schedules
from optlab.rules import State

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "site/extensions"
STATIC = ROOT / "site/static"
sys.path.insert(0, str(EXTENSIONS))
from interaction_pages import names  # noqa: E402

sys.path.remove(str(EXTENSIONS))


@pytest.fixture(scope="module")
def picture():
    """A function of an interaction's name and values, the rest as at the start: its picture."""
    v8 = MiniRacer()
    for script in ("explorer/rules.js", "interactions/settings.js"):
        v8.eval((STATIC / script).read_text())

    def picture_(name, **values):
        call = f"""(() => {{
            const {{ controls, picture }} = interactions[{json.dumps(name)}];
            const start = Object.fromEntries(controls.map(({{ name, start }}) => [name, start]));
            return JSON.stringify(picture({{ ...start, ...{json.dumps(values)} }}));
        }})()"""
        return json.loads(v8.eval(call))

    picture_.controls = {
        name: json.loads(v8.eval(f"JSON.stringify(interactions[{json.dumps(name)}].controls)"))
        for name in json.loads(v8.eval("JSON.stringify(Object.keys(interactions))"))
    }
    return picture_


def vector(*entries):
    return torch.tensor(entries, dtype=torch.float64)


def numbers(found):
    """All numbers of a picture."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        return [x for part in found for x in numbers(part)]
    return [] if isinstance(found, str | bool) else [found]  # None: neither finite nor a number


def test_the_directive_knows_those_that_the_script_has(picture):
    assert names() == list(picture.controls)


@pytest.mark.parametrize("name", names())
def test_whatever_is_set_there_are_numbers_and_a_sentence(picture, name):
    draw = random.Random(0)
    for _ in range(20):
        values = {}
        for control in picture.controls[name]:
            if control["scale"] in ("linear", "log"):
                ends = control["low"], control["high"]
                value = draw.choice([*ends, draw.uniform(*ends)])
                values[control["name"]] = round(value) if control.get("whole") else value
            elif control["scale"] == "check":
                values[control["name"]] = draw.random() < 0.5
            else:
                entries = [[draw.choice([0, 1, 7.5]) for _ in range(4)] for _ in range(4)]
                values[control["name"]] = entries
        found = picture(name, **values)
        assert all(isinstance(x, int | float) and math.isfinite(x) for x in numbers(found)), values
        assert not re.search("NaN|undefined|Infinity", found["says"]), values
        assert found["says"].endswith("."), values


def test_a_word_moves_as_adagrad_moves_it(picture):
    every = 7
    often, rare = picture("word-frequency", every=every)["curves"]
    assert often["points"] == [[t, pytest.approx(t**-0.5)] for t in range(1, 1001)]
    p, s, expected = vector(0), State(sum=vector(0)), []
    for t in range(1, 1001):
        g = vector(float(t % every == 0))
        q, s = rules.adagrad(p, g, s, t, lr=1.0, delta=0.0)
        if g:
            expected.append([t, abs(q - p).item()])
        p = q
    assert rare["points"] == [[t, pytest.approx(move)] for t, move in expected]


def test_the_factored_moments_are_those_of_the_rule(picture):
    v = [[1, 2, 4, 1], [2, 0.5, 8, 2], [1, 2, 4, 9], [3, 6, 0.1, 3]]
    made = torch.tensor(picture("factoring", v=v)["matrices"][1]["rows"], dtype=torch.float64)
    G = torch.tensor(v, dtype=torch.float64).sqrt()
    zero = State(R=torch.zeros(4, 1).double(), C=torch.zeros(1, 4).double())
    # One step from nothing, without memory: the move is lr G / (√V̂ + eps).
    X, _ = rules.factored_adam(torch.zeros_like(G), G, zero, 1, lr=1.0, beta2=0.0, eps=0.0)
    torch.testing.assert_close(made, (G / X) ** 2)
    text = picture("factoring", v=v)["says"]
    worst = torch.maximum(made / G**2, G**2 / made).max().item()
    assert f"off by a factor of {worst:.3g}" in text
    product = [[x * y for y in (1, 2, 4)] for x in (1, 3)]
    assert "nothing is lost" in picture("factoring", v=product)["says"]


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_one_layer_is_enlarged(picture, factor):
    with_ratio = picture("one-layer", factor=factor, ratio=True)["bars"]
    assert [bar["value"] for bar in with_ratio] == pytest.approx([0.01] * 5)
    before = picture("one-layer", factor=1.0, ratio=False)["bars"]
    after = picture("one-layer", factor=factor, ratio=False)["bars"]
    changed = [b["value"] / a["value"] for a, b in zip(before, after, strict=True)]
    assert changed == pytest.approx([1, 1, factor, 1, 1])


def test_the_two_arrows_are_lambs(picture):
    found = picture("two-arrows", angle=30, length=2.5, lr=0.2)
    weights, adam, lamb = found["arrows"]
    w, u = vector(*weights["to"]), (vector(*weights["to"]) - vector(*adam["to"])) / 0.2
    assert u.norm().item() == pytest.approx(2.5)
    state = State(m=2 * u, v=vector(2, 2))
    hyper = {"lr": 0.2, "beta1": 0.5, "beta2": 0.5, "eps": 0.0, "weight_decay": 0.0}
    expected, _ = rules.lamb(w, vector(0, 0), state, 10**6, **hyper)
    assert lamb["to"] == pytest.approx(expected.tolist())
    assert found["circles"][0]["radius"] == pytest.approx((expected - w).norm().item())


def test_the_three_schedules(picture):
    linear, cosine, slanted = picture("shapes", T=150, cut=0.2)["curves"]
    for curve, schedule in [
        (linear, schedules.linear_decay(150)),
        (cosine, schedules.cosine(150)),
        (slanted, schedules.slanted_triangular(150, 0.2)),
    ]:
        assert curve["points"] == [[t, pytest.approx(float(schedule(t)))] for t in range(151)]


@pytest.mark.parametrize("h", [-0.5, 0.0, 0.5, 3.0])
def test_the_clip_is_sophias(picture, h):
    yours = picture("clipping", rho=0.7, h=h)["curves"][2]
    hyper = {"lr": 1.0, "beta1": 0.0, "rho": 0.7, "eps": 1e-12, "weight_decay": 0.0}
    for m, step in yours["points"]:
        state = State(m=vector(m), h=vector(h))
        q, _ = rules.sophia(vector(0), vector(m), state, 1, **hyper)
        assert step == pytest.approx(-q.item())


@pytest.mark.parametrize(("c", "axis"), [(0, 0), (0.5, 0), (-0.5, 1), (0, 1), (1, -0.25)])
def test_the_valley_leans_as_the_axes_say(picture, c, axis):
    """Where λ α^c is 1, so that the axis, log λ - axis · log α, is -(c + axis) log α."""
    found = picture("shear", c=c, axis=axis)
    (x1, y1), (x2, y2) = found["line"]
    for j, row in enumerate(found["rows"]):
        best = 12 - (c + axis) * (j - 12)
        assert x1 + (x2 - x1) * (j - y1) / (y2 - y1) == pytest.approx(best)
        if 0 <= best <= len(row) - 1:
            assert min(range(len(row)), key=row.__getitem__) == pytest.approx(best, abs=0.5)


def test_the_loss_of_an_ensemble_is_that_of_its_products(picture):
    M, N, s, r = 3, 4, 0.7, 0.4
    gram = torch.full((N, M, N, M), r)
    for i in range(N):
        gram[i, :, i, :] = s
        gram[i, range(M), i, range(M)] = 1.0
    yours = picture("ensembles", M=M, N=N, s=s, r=r)["curves"][2]
    assert yours["points"] == [[N, pytest.approx(gram.mean().item())]]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        *(("Momentum, LARS", name) for name in ("SGD", "LARS")),
        *(("Adam, AdamW, LAMB", name) for name in ("Adam", "AdamW", "LAMB")),
        *((name, name) for name in ("Lion", "AdaGrad", "AMSGrad", "Sophia")),
    ],
)
def test_memory_is_what_the_optimizer_keeps(picture, label, name):
    (bar,) = [b for b in picture("memory", weights=1000, bytes=4)["bars"] if b["label"] == label]
    weight = torch.nn.Parameter(torch.zeros(64))
    settings = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = getattr(optlab, name)([weight], lr=0.1, **settings)
    weight.grad = torch.ones(64)
    optimizer.step()
    kept = [x for x in optimizer.state[weight].values() if torch.is_tensor(x) and x.shape == (64,)]
    assert bar["value"] == pytest.approx((2 + len(kept)) * 4)


CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_parser", "interaction_pages"]
myst_enable_extensions = ["colon_fence"]
root_doc = "index"
html_static_path = [{str(STATIC)!r}]
"""


def built(folder, name):
    (folder / "conf.py").write_text(CONF)
    text = f"# Two pages\n\n:::{{interaction}} {name}\nIt *moves*.\n:::\n"
    (folder / "index.md").write_text(text + "\n```{toctree}\nother\n```\n")
    (folder / "other.md").write_text("# Another page\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", folder, folder / "out"]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_page_without_any_loads_no_script(tmp_path):
    assert not built(tmp_path, "shapes").stderr
    page, other = ((tmp_path / f"out/{name}.html").read_text() for name in ("index", "other"))
    assert "interactions/later.js" in page
    assert "<em>moves</em>" in page
    assert "interactions/" not in other


def test_an_unknown_one_is_refused_by_name(tmp_path):
    assert "no interaction 'shape'; there are: word-frequency, " in built(tmp_path, "shape").stderr


@pytest.mark.parametrize("width", [1280, 360])
def test_a_reader_moves_it_by_keyboard(tmp_path_factory, browser, width):
    folder = tmp_path_factory.mktemp("page")
    blocks = "\n".join(f":::{{interaction}} {name}\nText.\n:::\n" for name in names())
    built(folder, "shapes")
    (folder / "index.md").write_text(f"# All\n\n{blocks}")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", folder, folder / "out"]
    subprocess.run(command, check=True, capture_output=True)
    page = browser.new_page(viewport={"width": width, "height": 900})
    errors, requests = [], []
    page.on("pageerror", lambda error: errors.append(error))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((folder / "out/index.html").as_uri())
    page.wait_for_selector(".play-ready")
    for place in page.query_selector_all(".play"):
        name = place.get_attribute("data-name")
        drawing = place.query_selector(".play-picture")
        before = drawing.inner_html()
        moved = place.query_selector("input, button")
        moved.focus()
        if moved.get_attribute("type") == "number":
            moved.fill("50")
        elif moved.evaluate("e => e.tagName") == "BUTTON":
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("Home")
        assert drawing.inner_html() != before, name
        assert place.evaluate("e => e.scrollWidth <= e.clientWidth"), name
        letters = place.evaluate(
            "e => [...e.querySelectorAll('svg text')]"
            ".every(t => t.getBoundingClientRect().height >= 12)"
        )
        assert letters, name
    page.close()
    assert not errors
    assert all(url.startswith("file://") for url in requests)


def test_each_has_its_height_kept_free_on_a_desk_and_on_a_phone():
    style = (STATIC / "interactions/interactions.css").read_text()
    for name in names():
        assert style.count(f'[data-name="{name}"] {{ min-height: ') == 2, name


def test_each_stands_in_one_chapter(pages):
    stands = [place["data-name"] for page in pages.values() for place in page.select(".play")]
    assert sorted(stands) == sorted(names())
