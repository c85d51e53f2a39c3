"""Snapshot ensembles."""

from mutations import Mutation

MUTATIONS = {
    # The older snapshots know nothing: what they predict is of other images.
    "snapshot-figures": Mutation(
        edits={"sets = P.split(": "sets = torch.cat([P[:-1].roll(1, 2), P[-1:]]).split("},
    ),
    # Three snapshots of three runs less those of one: the gain of the runs.
    "snapshot-best": Mutation(
        edits={"one, three, *_, most = [": "_, one, three, most = ["},
    ),
    # SGDR at its worst: as good as the best of the others on CIFAR-10, not better.
    "snapshot-state-of-the-art": Mutation(
        edits={
            "column: min(getattr(row, column) for row in table": (
                "column: max(getattr(row, column) for row in table"
            )
        },
    ),
    # The snapshots are the last epochs of the run, in which nothing moves any more.
    "snapshot-more": Mutation(
        edits={"sets = P.split(": "sets = torch.stack([every[epoch] for epoch in LAST]).split("},
    ),
    # With restarts it is not one network, but all snapshots of all runs together.
    "sgdr-more-restarts": Mutation(
        edits={
            "paired = error(Q[-1]) - error(P[-1][: s.controls])": (
                "paired = error(Q[-1]) - error(P.mean((0, 1)))"
            )
        },
    ),
}
