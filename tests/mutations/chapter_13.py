"""Snapshot ensembles."""

from mutations import Mutation

MUTATIONS = {
    # Three snapshots of three runs less those of one: the gain of the runs.
    "snapshot-best": Mutation(
        edits={"one, three, *_, most = [": "_, one, three, most = ["},
    ),
    # SGDR at its worst: as good as the best of the others on CIFAR-10, not better.
    "snapshot-state-of-the-art": Mutation(
        edits={
            "column: getattr(table[10, 10, 2], column)": (
                "column: max(getattr(row, column) for row in table.values() if row.k == 10)"
            )
        },
    ),
    # The older snapshots know nothing: what they predict is of other images.
    "snapshot-more": Mutation(
        edits={"sets = runs.split(": "sets = torch.cat([runs[:-1].roll(1, 2), runs[-1:]]).split("},
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
