"""AdamW. The data of its experiments are replaced by others, seed by seed, in which the effect is
of another size: what the judging makes of them must follow."""

from mutations import Mutation


def each(values, size):
    """These values of three sets of seeds, all of them `size`."""
    return f"[[{size} + 0 * x for x in xs] for xs in {values}]"


def intervals(values, size):
    return f"in_each({each(values, size)})"


ONE = 'prices["{}"]["λ"]'
GAIN = 'gains["{}"]'
COMPARED = 'to_adam = percent("AdamW", "Adam")'
WORSE = Mutation(  # AdamW has more errors, in each seed
    edits={
        COMPARED: "to_adam = [interval([5 + 0 * x for x in xs]) for xs in relative("
        '"AdamW", "Adam")]'
    }
)
TRAINED = """compared(
            {name: (METHODS[name][0], rows(name))}, some, schedule
        )"""


def schedules(**factors):
    """Other schedules with so many times the errors of cosine; nothing is trained again."""
    made = {name.replace("_", " "): factor for name, factor in factors.items()}
    return {
        TRAINED: f"""__import__("types").SimpleNamespace(
            values={{
                name: [[{made!r}[schedule] * x for x in xs] for xs in adams.values[name]]
            }},
            means=lambda name: None,
            chosen=adams.chosen,
        )"""
    }


# What is trained is not trained again.
RUN = {"long_runs = {\n": "long_runs = long_runs or {\n"}

MUTATIONS = {
    "adamw-simpler-tuning": Mutation(
        edits={
            f"{ONE.format('SGD')}, {ONE.format('SGDW')}": (
                f"{each(ONE.format('SGD'), 1)}, {each(ONE.format('SGDW'), 2)}"
            ),
        }
    ),
    "adamw-decoupled": Mutation(
        edits={f"in_each({ONE.format('SGDW')})": intervals(ONE.format("SGDW"), 9)}
    ),
    "analysis-l2-ineffective": Mutation(
        edits={'in_each(gains["Adam"])': intervals('gains["Adam"]', 14)}
    ),
    "analysis-decay-equal": Mutation(
        edits={'gains["AdamW"], gains["SGDW"]': 'gains["SGDW"], gains["SGDW"]'}
    ),
    "adamw-separable": Mutation(
        edits={
            f"{ONE.format('Adam')}, {ONE.format('AdamW')}": (
                f"{each(ONE.format('Adam'), 2)}, {each(ONE.format('AdamW'), 1)}"
            ),
        }
    ),
    "adamw-beats-adam": WORSE,
    "adamw-conclusion": WORSE,
    "analysis-improvement": Mutation(
        edits={
            'gains["AdamW"], gains["Adam"]': (
                f"{each(GAIN.format('AdamW'), 1)}, {each(GAIN.format('Adam'), 2)}"
            ),
        }
    ),
    "adamw-competitive": Mutation(
        edits={
            'percent("Adam", "SGD")': (
                '[interval([9 + 0 * x for x in xs]) for xs in relative("Adam", "SGD")]'
            ),
            'percent("AdamW", "SGD")': (
                '[interval([1 + 0 * x for x in xs]) for xs in relative("AdamW", "SGD")]'
            ),
        }
    ),
    "analysis-schedule": Mutation(edits=schedules(fixed=1.2, step_drop=1.1)),
    "adamw-cosine-best": Mutation(edits=schedules(fixed=1.2, step_drop=1.1)),
    "adamw-drop-fixed": Mutation(edits=schedules(fixed=1.2, step_drop=1.1)),
    "adamw-generalization": Mutation(
        edits={**RUN, "equal_loss = in_sets(at_equal_loss)": "equal_loss = in_sets(lambda k: -1.0)"}
    ),
    "adamw-lower-loss": Mutation(
        edits={
            **RUN,
            "at_end = in_sets(lambda k: loss_ratio(k, slice(-1, None)))": (
                "at_end = in_sets(lambda k: -0.4)"
            ),
        }
    ),
    "adamw-lower-error": Mutation(
        edits={**RUN, "lower = in_sets(error_less)": "lower = in_sets(lambda k: -1.0)"}
    ),
    "adamw-curves-coincide": Mutation(
        edits={
            **RUN,
            "return float((w / a).log10().mean())": "return float((a / a).log10().mean())",
        }
    ),
}
