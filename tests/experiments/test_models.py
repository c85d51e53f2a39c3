"""The networks: their sizes against the papers', their seeds, and what a batch of them needs."""

import pytest
import torch
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from optlab.experiments import (
    cnn,
    mlp,
    nats_per_character,
    normalized_mlp,
    parameter_count,
    resnet26,
    transformer,
    wide_resnet,
)


@pytest.mark.parametrize(
    ("depth", "k", "millions"), [(16, 8, 11.0), (28, 10, 36.5), (28, 20, 145.8)]
)
def test_wide_resnets_have_the_size_of_the_decks_table(depth, k, millions):
    model = wide_resnet(depth, k, device="meta")
    assert round(parameter_count(model) / 1e6, 1) == millions


@pytest.mark.parametrize(("width", "published", "apart"), [(64, 11.6, 0.005), (96, 25.6, 0.024)])
def test_resnet_26_has_nearly_the_published_size(width, published, apart):
    count = parameter_count(resnet26(width, device="meta")) / 1e6
    assert count == pytest.approx(published, rel=apart)


def test_resnet_26_has_the_size_counted_by_hand():
    w = 64
    branch = sum(9 * n_in * n_out for n_in, n_out in [(16, w), (w, 2 * w), (2 * w, 4 * w)])
    second = 9 * (1 + 4 + 16) * w * w
    blocks = 2 * (branch + 7 * second)  # two branches; in a stage 8 convolutions, one of them first
    skips = 16 * w + w * 2 * w + 2 * w * 4 * w
    norms = 2 * (16 + (4 * 2 * 2 + 1) * (w + 2 * w + 4 * w))
    count = 3 * 9 * 16 + blocks + skips + norms + 4 * w * 10 + 10
    assert parameter_count(resnet26(w, device="meta")) == count


@pytest.mark.parametrize(
    "make", [lambda **k: resnet26(8, **k), lambda **k: wide_resnet(16, 1, **k)]
)
def test_large_networks_depend_on_their_seed_alone_and_start_sensibly(make):
    torch.manual_seed(1)
    a = make(seed=3)
    torch.manual_seed(2)
    b, other = make(seed=3), make(seed=4)
    assert torch.equal(a.head.weight, b.head.weight)
    assert not torch.equal(a.head.weight, other.head.weight)
    a.eval()
    b.eval()
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(a(x), b(x))
    assert a(x).shape == (4, 10)
    assert all(p.isfinite().all() for p in a.state_dict().values())
    assert 0.01 < a(x).std() < 10


def test_wide_resnet_refuses_a_depth_that_is_none():
    with pytest.raises(ValueError, match=r"depth must be 10, 16, 22, 28, .* got 27"):
        wide_resnet(27, 10, device="meta")


def test_a_wide_block_passes_its_input_on():
    """With the last convolutions zero, a block of unchanged shape is the identity."""
    block = wide_resnet(16, 1).blocks[1]
    torch.nn.init.zeros_(block.residual[-1].weight)
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(block(x), x)


def test_shake_weighs_forward_and_backward_apart():
    block = resnet26(8, dtype=torch.float64).blocks[1]
    block.eval()  # the batch statistics fixed, so that both branches are the same again below
    x = torch.randn(3, 8, 4, 4, dtype=torch.float64)
    first, second = block.first(x), block.second(x)
    assert torch.allclose(block(x), x + (first + second) / 2)
    block.first.eval(), block.second.eval()
    block.training = True
    torch.manual_seed(0)
    alpha, beta = torch.rand(2, 3, 1, 1, 1, dtype=torch.float64)
    torch.manual_seed(0)
    out = block(x)
    assert torch.allclose(out, x + alpha * first + (1 - alpha) * second)
    bias = block.first[-1].bias
    (gradient,) = torch.autograd.grad(out.sum(), bias)
    assert torch.allclose(gradient, (beta * torch.ones_like(out)).sum((0, 2, 3)))


def test_the_skip_path_sees_the_pixels_between():
    skip = resnet26(4, dtype=torch.float64).blocks[4].skip.eval()
    x = torch.rand(1, 4, 4, 4, dtype=torch.float64)
    out = skip(x)
    scale = (1 + skip.norm.eps) ** -0.5
    here = skip.here.weight[:, :, 0, 0] @ x[0, :, 2, 2]
    shifted = skip.shifted.weight[:, :, 0, 0] @ x[0, :, 1, 1]
    assert torch.allclose(out[0, :, 1, 1], torch.cat([here, shifted]) * scale)
    assert torch.equal(out[0, 4:, 0, 0], torch.zeros(4, dtype=torch.float64))  # shifted in


def test_mlp_depends_on_its_seed_alone():
    torch.manual_seed(1)
    a = mlp([4, 3, 2], seed=7)
    torch.manual_seed(2)
    b = mlp([4, 3, 2], seed=7)
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)
        assert p.dtype == torch.float64
    assert a[0].weight.abs().max() <= 0.5
    assert not torch.equal(a[0].weight, mlp([4, 3, 2], seed=8)[0].weight)
    assert [type(layer).__name__ for layer in a] == ["Linear", "Tanh", "Linear"]


def test_mlp_computes_what_it_says():
    model, x = mlp([4, 3, 2], seed=0), torch.randn(5, 4, dtype=torch.float64)
    (w1, b1, w2, b2) = model.parameters()
    by_hand = torch.tanh(x @ w1.T + b1) @ w2.T + b2
    assert torch.allclose(model(x), by_hand)


def test_a_normalized_mlp_does_not_see_the_scale_of_its_hidden_layers():
    model, other = (normalized_mlp([6, 5, 4, 3], seed=seed) for seed in (1, 2))
    torch.manual_seed(7)
    assert torch.equal(model[0].weight, normalized_mlp([6, 5, 4, 3], seed=1)[0].weight)
    assert not torch.equal(model[0].weight, other[0].weight)
    x = torch.randn(8, 6, dtype=torch.float64)
    before = model(x)
    with torch.no_grad():
        model[0].weight *= 3
        model[3].weight *= 0.5
    torch.testing.assert_close(model(x), before, rtol=1e-3, atol=1e-4)  # ε of the normalization
    with torch.no_grad():
        model[6].weight *= 2
    assert not torch.allclose(model(x), before, atol=1e-2)
    assert [name for name, _ in model.named_parameters()] == [
        "0.weight",
        "3.weight",
        "6.weight",
        "6.bias",
    ]


def test_cnn_depends_on_its_seed_alone():
    torch.manual_seed(1)
    a = cnn((1, 8, 8), 10, seed=7)
    torch.manual_seed(2)
    b, other = cnn((1, 8, 8), 10, seed=7), cnn((1, 8, 8), 10, seed=8)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a[0].weight, other[0].weight)
    assert a[0].weight.abs().max() <= 1 / 3


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 7, 5), (1, 1, 1)])
def test_cnn_takes_images_of_any_size(shape):
    assert cnn(shape, 5, seed=0)(torch.rand(2, *shape, dtype=torch.float64)).shape == (2, 5)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda seed: mlp([64, 8, 10], seed=seed), (64,)),
        (lambda seed: cnn((1, 8, 8), 10, seed=seed), (1, 8, 8)),
    ],
)
def test_small_networks_train_as_one_batch(make, shape):
    """vmap over the parameters gives each network's own gradient."""
    models = [make(seed) for seed in range(3)]
    assert not list(models[0].buffers())
    stacked, _ = stack_module_state(models)
    x, y = torch.randn(6, *shape, dtype=torch.float64), torch.arange(6)

    def loss(parameters):
        return cross_entropy(functional_call(models[0], parameters, (x,)), y)

    together = vmap(grad(loss))(stacked)
    for i, model in enumerate(models):
        alone = torch.autograd.grad(cross_entropy(model(x), y), list(model.parameters()))
        for name, gradient in zip(stacked, alone, strict=True):
            assert torch.allclose(together[name][i], gradient)


def small_transformer(seed=0, **settings):
    return transformer(7, 5, **{"width": 6, "heads": 2, "depth": 2, "seed": seed, **settings})


def test_transformers_have_the_size_counted_by_hand():
    w, embeddings = 6, (7 + 5) * 6
    block = 4 * w * w + 2 * 4 * w * w + 2 * w
    assert parameter_count(small_transformer()) == embeddings + 2 * block + w + 7 * w
    assert parameter_count(small_transformer(tied=True)) == embeddings + 2 * block + w
    with pytest.raises(ValueError, match="width 6 is not a multiple of 4 heads: change one"):
        small_transformer(heads=4)


def test_a_transformer_depends_on_its_seed_alone():
    torch.manual_seed(1)
    a = small_transformer(seed=7)
    torch.manual_seed(2)
    b, other = small_transformer(seed=7), small_transformer(seed=8)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.head.weight, other.head.weight)
    large = transformer(27, 12, width=64, depth=2, seed=0)
    spread = {name: float(p.detach().std()) for name, p in large.named_parameters() if p.dim() == 2}
    assert spread["embedding"] == pytest.approx(1 / 16, rel=0.1)
    assert spread["blocks.1.attention.query.weight"] == pytest.approx(1 / 16, rel=0.1)
    assert spread["blocks.1.contract.weight"] == pytest.approx(1 / 64, rel=0.1)


def test_a_transformer_does_not_look_ahead():
    model, x = small_transformer(), torch.randint(7, (3, 5), generator=torch.manual_seed(0))
    changed = x.clone()
    changed[:, 3] = (x[:, 3] + 1) % 7
    same = torch.isclose(model(x), model(changed), rtol=0, atol=1e-12).all(-1)
    assert same[:, :3].all()
    assert not same[:, 3:].any()
    assert torch.allclose(model(x[:, :2]), model(x)[:, :2])  # shorter texts


def test_a_transformer_computes_what_torch_s_layer_does():
    """nn.TransformerEncoderLayer with its norms first and the same weights."""
    model, w = transformer(7, 5, width=6, heads=3, depth=1, seed=0), 6
    [block] = model.blocks
    layer = torch.nn.TransformerEncoderLayer(
        w, 3, 4 * w, 0, "gelu", batch_first=True, norm_first=True, bias=False, dtype=torch.float64
    )
    attention = block.attention
    weights = {
        "self_attn.in_proj_weight": torch.cat(
            [attention.query.weight, attention.key.weight, attention.value.weight]
        ),
        "self_attn.out_proj.weight": attention.join.weight,
        "linear1.weight": block.expand.weight,
        "linear2.weight": block.contract.weight,
        "norm1.weight": block.attention_norm.weight,
        "norm2.weight": block.network_norm.weight,
    }
    layer.load_state_dict(weights)
    h = torch.randn(2, 5, w, dtype=torch.float64, generator=torch.manual_seed(0))
    mask = torch.nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.float64)
    assert torch.allclose(block(h), layer(h, src_mask=mask, is_causal=True))


def test_transformers_train_as_one_batch():
    """vmap over the parameters gives each network's own gradient, places left out included."""
    models = [small_transformer(seed) for seed in range(3)]
    assert not list(models[0].buffers())
    stacked, _ = stack_module_state(models)
    x, y = torch.randint(7, (2, 4, 5), generator=torch.manual_seed(0))
    y[:, 3:] = -100
    y[0, 2] = -100

    def loss(parameters):
        return nats_per_character(functional_call(models[0], parameters, (x,)), y)

    together = vmap(grad(loss))(stacked)
    for i, model in enumerate(models):
        logits = model(x).log_softmax(-1)
        by_hand = [-logits[a, b, y[a, b]] for a in range(4) for b in range(5) if y[a, b] >= 0]
        assert len(by_hand) == 11
        alone = torch.autograd.grad(sum(by_hand) / 11, list(model.parameters()))
        for name, gradient in zip(stacked, alone, strict=True):
            assert torch.allclose(together[name][i], gradient)
