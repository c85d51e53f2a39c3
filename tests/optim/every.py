"""Every optimizer, with settings under which its steps are neither nothing nor chaos."""

import torch
from twins import SHAPES, parameters

import optlab

EVERY = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    "SGD Nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "Adam": ("Adam", {"lr": 0.1}),
    "Adam L2": ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.1}),
    "AdamW": ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
    "AdamW schedule": ("AdamW", {"lr": 0.1, "weight_decay": 0.1, "decay_by": "schedule"}),
    "Adam caution": ("Adam", {"lr": 0.1, "weight_decay": 0.1, "caution": True}),
    "AdamW caution": ("AdamW", {"lr": 0.1, "weight_decay": 0.1, "caution": True}),
    "AdamW caution schedule": (
        "AdamW",
        {"lr": 0.1, "weight_decay": 0.1, "decay_by": "schedule", "caution": True},
    ),
    "AMSGrad": ("AMSGrad", {"lr": 0.1, "weight_decay": 0.1}),
    "AdaGrad": ("AdaGrad", {"lr": 0.1, "initial_accumulator_value": 0.1}),
    "AdaGrad dual": ("AdaGrad", {"lr": 0.1, "form": "dual", "weight_decay": 0.1, "eps": 0.01}),
    "FullAdaGrad": ("FullAdaGrad", {"lr": 0.1, "eps": 0.1}),
    "FullAdaGrad dual": ("FullAdaGrad", {"lr": 0.1, "eps": 0.1, "form": "dual"}),
    "Adafactor": ("Adafactor", {"lr": 0.1}),
    "Adafactor decay": ("Adafactor", {"lr": 0.1, "weight_decay": 0.1, "d": 0.5}),
    "LARS": ("LARS", {"lr": 1.0, "trust_coefficient": 0.1, "weight_decay": 0.1}),
    "LARS deck": ("LARS", {"lr": 0.1, "form": "deck", "weight_decay": 0.1}),
    "LAMB": ("LAMB", {"lr": 0.1, "weight_decay": 0.1}),
    "Sophia": ("Sophia", {"lr": 0.1, "rho": 0.5}),
    "ScheduleFree": ("AdamWScheduleFree", {"lr": 0.1}),
    "ScheduleFree warm-up": (
        "AdamWScheduleFree",
        {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.1, "warmup_steps": 4},
    ),
    "Muon": ("Muon", {"lr": 0.1, "weight_decay": 0.1}),
    "Muon polar": ("Muon", {"lr": 0.1, "form": "polar", "adjust_lr_fn": "rms_to_rms"}),
    "Muon AdamW": ("Muon", {"lr": 0.1, "use_muon": False, "weight_decay": 0.1}),
}

EVERY |= {name: (name, {"lr": 0.1}) for name in optlab.optim.MADE}
EVERY |= {
    f"{name} decay": (name, {"lr": 0.1, "weight_decay": 0.1})
    for name, cls in optlab.optim.MADE.items()
    if "weight_decay" in cls.of.hyperparameters
}

NAMES = sorted({name for name, _ in EVERY.values()})
# Labels of optimizers that take matrices only; as torch has this one, it counts no steps.
OF_MATRICES = ("Muon", "Muon polar")
REAL_ONLY = ("FullAdaGrad", "Adafactor", "Muon")

# Labels with an execution each.
EXECUTED = [(label, execution) for label in EVERY for execution in ("plain", "foreach", "compiled")]


# Of Muon's group for AdamW: all that it says, since ZeRO fills in what is given for all groups.
OTHERS = {"use_muon": False, "lr": 0.01, "eps": 1e-8, "weight_decay": 0.0}


def make(label, params, **options):
    name, settings = EVERY[label]
    return getattr(optlab, name)(params, **{**settings, **options})


def parameters_for(label, dtype=torch.float64, shapes=SHAPES):
    """The same parameters each time; small and not empty for a matrix of d × d."""
    if label.startswith("FullAdaGrad") and shapes is SHAPES:
        shapes = [(6, 5), (), (7,), (2, 3, 5)]
    return parameters(shapes_for(label, shapes), dtype)


def shapes_for(label, shapes):
    """The shapes, with matrices of one column for vectors where an optimizer wants matrices."""
    if label in OF_MATRICES:
        return [shape if len(shape) >= 2 else (*shape, 1, 1)[:2] for shape in shapes]
    return shapes


def groups_for(label, model):
    """The parameters of a model by name, in one group; for Muon in two, matrices and others."""
    named = [*model.named_parameters()]
    if label not in OF_MATRICES:
        return [{"params": named}]
    return [
        {"params": [(n, p) for n, p in named if p.dim() >= 2]},
        {"params": [(n, p) for n, p in named if p.dim() < 2], **OTHERS},
    ]


def clones(params):
    return [torch.nn.Parameter(p.detach().clone(), p.requires_grad) for p in params]
