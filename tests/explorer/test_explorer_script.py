"""The script that the explorer's pages run, in V8: what the rules give, beside torch."""

import gzip
import json
import math
import random
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from py_mini_racer import MiniRacer

from optlab import schedules
from optlab.cli import main
from optlab.explorer import LANDSCAPES, OPTIMIZERS, PATH, SCHEDULES, rules_script, script
from optlab.rules import State, average_hessian
from optlab.schedules import LRScheduler

ROOT = Path(__file__).parents[2]
FOLDER = (ROOT / PATH).parent
MOST_BYTES = 60_000


@pytest.fixture(scope="module")
def engine():
    v8 = MiniRacer()
    for name in ("rules.js", "run.js"):
        v8.eval((FOLDER / name).read_text())
    return v8


def called(engine, function, inputs):
    """The results of a JavaScript function on a list of inputs; JSON has no infinity and no NaN,
    so these come back as text."""
    write = "(_, v) => typeof v === 'number' && !Number.isFinite(v) ? String(v) : v"
    call = f"JSON.stringify({json.dumps(inputs)}.map({function}), {write})"
    return json.loads(engine.eval(call))


def test_the_committed_script_is_what_the_rules_give():
    assert (ROOT / PATH).read_text() == rules_script(), f"{PATH} is old; run: optlab javascript"


def test_more_optimizers_than_the_page_tells_apart_are_refused(monkeypatch):
    monkeypatch.setattr(script, "MOST", len(OPTIMIZERS) - 1)
    with pytest.raises(ValueError, match=f"apart, and here are {len(OPTIMIZERS)}"):
        rules_script()


def test_all_that_the_explorer_loads_is_small():
    sizes = {
        path.name: len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in FOLDER.iterdir()
    }
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def float64(values):
    return torch.tensor([float(v) for v in values], dtype=torch.float64)


def agree(found, expected, before=0.0):
    """To 1e-12 of each entry, before or after: a step that nearly cancels leaves its rounding."""
    found, before = float64(found), torch.as_tensor(before, dtype=torch.float64)
    same = (found - expected).abs() <= 1e-12 * torch.maximum(expected.abs(), before.abs())
    same |= (found == expected) | (found.isnan() & expected.isnan())
    assert same.all(), (found, expected)


def drawn(slider, draw):
    share = draw.random()
    if slider.scale == "log":
        value = slider.low * (slider.high / slider.low) ** share
    elif slider.scale == "memory":
        value = 1 - ((1 - slider.high) / (1 - slider.low)) ** share * (1 - slider.low)
    else:
        value = slider.low + share * (slider.high - slider.low)
    return round(value) if slider.whole else value


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_thousand_random_steps(engine, name):
    choice = OPTIMIZERS[name]
    draw = random.Random(0)

    def pair(scale, sign):
        return [(draw.random() > 0.05) * scale * sign(draw.gauss(0, 1)) for _ in range(2)]

    inputs = [
        {
            "p": pair(draw.random() > 0.05, float),
            "g": pair(10 ** draw.uniform(-6, 3), float),
            "s": {k: pair(1, abs) for k in choice.rule.initial},
            "t": draw.choice([1, 2, 10, 100, 1000]),
            "h": {**choice.constants, **{s.name: drawn(s, draw) for s in choice.sliders}},
        }
        for _ in range(1000)
    ]
    function = f"x => explorerData.optimizers['{name}'].step(x.p, x.g, x.s, x.t, x.h)"
    results = called(engine, function, inputs)
    for x, (p, s) in zip(inputs, results, strict=True):
        given = {k: float64(v) for k, v in x["s"].items()}
        hyper = {k: v for k, v in x["h"].items() if k in choice.rule.hyperparameters}
        before = float64(x["p"])
        expected, state = choice.rule(
            before, float64(x["g"]), State(**given), x["t"], **hyper, **choice.fixed
        )
        agree(p, expected, before)
        assert s.keys() == vars(state).keys()
        for k in s:
            agree(s[k], vars(state)[k], given[k])


def test_the_average_of_curvatures(engine):
    draw = random.Random(0)
    inputs = [[draw.gauss(0, 1), draw.gauss(0, 9), draw.random()] for _ in range(1000)]
    function = "([h, g, beta2]) => explorerData.hessian([0], [g], {h: [h]}, 1, {beta2})[1].h"
    for (h, g, beta2), found in zip(inputs, called(engine, function, inputs), strict=True):
        agree(found, float64([average_hessian(h, g, beta2=beta2)]), max(abs(h), abs(g)))


FAMILIES = {
    "constant": lambda T, c: schedules.constant(),
    "linear": schedules.linear_decay,
    "cosine": schedules.cosine,
    "warmup": lambda T, c: schedules.warmup(c * T, then=schedules.cosine(T - c * T)),
    "held": lambda T, c: schedules.warmup_stable_decay(T, c * T, T / 20),
    "slanted": schedules.slanted_triangular,
    "drops": lambda T, c: schedules.step_drop([T / 2, 3 * T / 4], c),
    "restarts": lambda T, c: schedules.sgdr(c, T_mult=2),
}


def test_every_schedule_has_its_family():
    assert list(FAMILIES) == list(SCHEDULES)


@pytest.mark.parametrize("name", FAMILIES)
def test_schedules_have_the_values_of_the_package(engine, name):
    draw = random.Random(0)
    slider = SCHEDULES[name].slider
    settings = [
        (T, drawn(slider, draw) if slider else 0)
        for T in (10, 29, 100, 1000, 20_000, *draw.sample(range(10, 1001), 6))
    ]
    function = f"([T, c]) => explorerRun.multipliers(explorerData.schedules['{name}'], T, c)"
    for (T, c), found in zip(settings, called(engine, function, settings), strict=True):
        schedule = FAMILIES[name](T, c)
        expected = [schedule(t) for t in range(T)]
        # cos near an odd multiple of π/2, and 1 + cos near π, leave the rounding of 1.
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_restarts_are_at_the_restarts(engine):
    """The generated form finds the cycle by a quotient of logarithms."""
    inputs = [
        [T_0, T_0 * (2**i - 1)] for T_0 in range(2, 201) for i in range(10) if T_0 * 2**i <= 2000
    ]
    function = "([c, t]) => explorerData.schedules.restarts.multiplier(t, 1000, c)"
    assert called(engine, function, inputs) == [1] * len(inputs)


def turned(x, y, c):
    a = math.radians(c)
    u, w = math.cos(a) * x + math.sin(a) * y, math.cos(a) * y - math.sin(a) * x
    return (u * u + 20 * w * w) / 2


# As the literature has them, written down once more.
FORMULAS = {
    "quadratic": lambda x, y, c: (x * x + c * y * y) / 2,
    "rotated": turned,
    "rosenbrock": lambda x, y, c: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    "beale": lambda x, y, c: sum(
        (a - x * (1 - y**n)) ** 2 for n, a in enumerate((1.5, 2.25, 2.625), start=1)
    ),
    "saddle": lambda x, y, c: x * x / 2 - y * y / 2 + y**4 / 4,
    "noisy": lambda x, y, c: (x * x + 10 * y * y) / 2,
}


def test_every_landscape_is_checked():
    assert {*FORMULAS, "game"} == set(LANDSCAPES)


@pytest.mark.parametrize("name", FORMULAS)
def test_landscapes_and_their_derivatives(engine, name):
    draw = random.Random(0)
    land = LANDSCAPES[name]
    x0, x1, y0, y1 = land.view
    inputs = [
        [draw.uniform(x0, x1), draw.uniform(y0, y1), drawn(land.slider, draw) if land.slider else 0]
        for _ in range(100)
    ]
    of = f"explorerData.landscapes['{name}']"
    function = f"([x, y, c]) => ['value', 'gradient', 'curvature'].map(f => {of}[f](x, y, 1, c))"
    for (x, y, c), (value, gradient, curvature) in zip(
        inputs, called(engine, function, inputs), strict=True
    ):
        at = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
        expected = FORMULAS[name](at[0], at[1], c)
        [slope] = torch.autograd.grad(expected, at, create_graph=True)
        bends = [torch.autograd.grad(slope[i], at, retain_graph=True)[0][i].item() for i in (0, 1)]
        assert value == pytest.approx(expected.item(), rel=1e-11, abs=1e-11)
        assert gradient == pytest.approx(slope.tolist(), rel=1e-10, abs=1e-10)
        assert curvature == pytest.approx(bends, rel=1e-10, abs=1e-10)
    for minimum in land.minima:
        at = torch.tensor(minimum, dtype=torch.float64, requires_grad=True)
        c = land.slider.start if land.slider else 0
        assert torch.autograd.grad(FORMULAS[name](*at, c), at)[0].abs().max() <= 1e-12


def test_the_game_s_slopes(engine):
    inputs = [[x, t, 3.5] for t in range(1, 10) for x in (-1, 0.5)]
    function = "([x, t, c]) => explorerData.landscapes.game.gradient(x, undefined, t, c)[0]"
    expected = [3.5 if t % 3 == 1 else -1 for _, t, _ in inputs]
    assert called(engine, function, inputs) == expected


def ran(engine, name, landscape, **changes):
    """A run as the page makes it, with the landscape's own settings but for `changes`."""
    land = LANDSCAPES[landscape]
    T = changes.get("T", 60)
    usual = {s.name: s.start for s in OPTIMIZERS[name].sliders}
    setting = {
        "c": land.slider.start if land.slider else 0,
        "start": land.start,
        "T": T,
        "rates": changes.get("rates", [1] * T),
        "hyper": {**usual, **changes.get("hyper", {})},
        "noise": changes.get("noise"),
    }
    function = (
        f"x => explorerRun.run(explorerData, '{name}',"
        f" {{...x, landscape: explorerData.landscapes['{landscape}']}})"
    )
    return called(engine, function, [setting])[0]


def rosenbrock(p):
    return FORMULAS["rosenbrock"](p[0], p[1], 0)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("gd", lambda p: torch.optim.SGD(p, lr=1e-3)),
        ("momentum", lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9)),
        ("nesterov", lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, nesterov=True)),
        ("adam", lambda p: torch.optim.Adam(p, lr=1e-3)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.1)),
        ("adam-l2", lambda p: torch.optim.Adam(p, lr=1e-3, weight_decay=0.1)),
    ],
)
def test_a_run_is_torch_s_with_its_schedule(engine, name, make):
    T = 60
    cosine = schedules.cosine(T)
    found = ran(engine, name, "rosenbrock", rates=[cosine(t) for t in range(T)], hyper={"lr": 1e-3})
    p = torch.tensor(LANDSCAPES["rosenbrock"].start, dtype=torch.float64, requires_grad=True)
    optimizer = make([p])
    scheduler = LRScheduler(optimizer, cosine)
    for t in range(T + 1):
        assert found["points"][t] == pytest.approx(p.tolist(), rel=1e-9)
        assert found["losses"][t] == pytest.approx(rosenbrock(p).item(), rel=1e-8)
        optimizer.zero_grad()
        rosenbrock(p).backward()
        optimizer.step()
        scheduler.step()
    assert not found["diverged"]


def test_sophia_gets_the_curvature_of_the_landscape_every_k_steps(engine):
    hyper = {"lr": 0.5, "k": 3, "beta2": 0.5, "rho": 1.0}
    found = ran(engine, "sophia", "rosenbrock", T=10, hyper=hyper)
    h = float64([0, 0])
    for t in range(1, 11):
        if t % 3 == 1:
            p = float64(found["points"][t - 1])
            bends = torch.autograd.functional.hessian(rosenbrock, p).diagonal()
            h = average_hessian(h, bends, beta2=0.5)
        assert found["states"][t]["h"] == pytest.approx(h.tolist(), rel=1e-12)


def test_in_the_game_adam_goes_to_the_wrong_end_and_is_clipped_there(engine):
    land = LANDSCAPES["game"]

    def end(name):
        own = {k.split(".")[1]: v for k, v in land.settings.items() if k.startswith(f"{name}.")}
        hyper = {**own, "lr": land.rates[name]}
        return ran(engine, name, "game", T=300, hyper=hyper)

    adam, amsgrad, descent = end("adam"), end("amsgrad"), end("gd")
    assert max(x for [x] in adam["points"]) == 1
    assert adam["points"][-1][0] > 0.8
    assert min(x for [x] in amsgrad["points"]) == -1 == min(x for [x] in descent["points"])
    paid = sum((3 if t % 3 == 1 else -1) * (x + 1) for t, [x] in enumerate(adam["points"][:-1], 1))
    assert adam["losses"][-1] == pytest.approx(paid / 300)


def test_a_run_that_diverges_stops(engine):
    found = ran(engine, "gd", "rosenbrock", T=50, hyper={"lr": 1.0})
    assert found["diverged"]
    assert len(found["points"]) == len(found["losses"]) == len(found["moves"]) + 1 < 51
    assert all(abs(x) < 1e6 for point in found["points"] for x in point)


def test_noise_is_normal_and_its_seed_s(engine):
    draws = [
        engine.eval(f"JSON.stringify(explorerRun.normals({seed}, 4000))") for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]
    values = torch.tensor(json.loads(draws[0]))
    assert abs(values.mean()) < 4 / math.sqrt(4000)
    assert abs(values.std() - 1) < 4 / math.sqrt(8000)
    assert abs((values.abs() < 1).double().mean() - 0.6827) < 4 * 0.0074


def test_noise_moves_the_gradient_by_sigma(engine):
    noise = [0.5, -2.0] * 60
    calm, noisy = (ran(engine, "gd", "noisy", noise=n) for n in ([0.0] * 120, noise))
    sigma = LANDSCAPES["noisy"].slider.start
    assert noisy["gradients"][0] == pytest.approx(
        [calm["gradients"][0][0] + 0.5 * sigma, calm["gradients"][0][1] - 2 * sigma]
    )


def test_the_command_writes_the_script_and_checks_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = CliRunner()
    missing = command.invoke(main, ["javascript"])
    assert missing.exit_code == 2
    assert "work where site/ is" in missing.output
    PATH.parent.mkdir(parents=True)
    assert command.invoke(main, ["javascript"]).exit_code == 0
    assert PATH.read_bytes() == (ROOT / PATH).read_bytes()
    assert command.invoke(main, ["javascript", "--check"]).exit_code == 0
    PATH.write_text("// edited")
    old = command.invoke(main, ["javascript", "--check"])
    assert old.exit_code == 1
    assert re.search(r"; run: \S*optlab javascript$", old.output.strip())
