"""AdamW with warm restarts."""

from mutations import Mutation

AHEAD = {
    'ours, theirs = of("AdamWR", "anytime"), of("AdamW", "anytime")': (
        'theirs = of("AdamW", "anytime")\nours = theirs - 5'
    )
}

MUTATIONS = {
    # Both at the end are one method: then the results are the same.
    "adamwr-same-results": Mutation(
        edits={'at_end = of("AdamWR", "end")[:, -1]': 'at_end = of("AdamW", "end")[:, -1]'},
    ),
    # A method with five points less is ahead at all stops.
    "adamwr-anytime": Mutation(edits=AHEAD),
    "adamwr-conclusion": Mutation(edits=AHEAD),
    # The best decay falls as the number of updates rises.
    "analysis-decay-budget": Mutation(
        edits={
            "stars = {run: best_decays(run) for run in maps}": (
                "stars = {r: 0.01 * best_decays(r) - math.log2(updates(*r)) for r in maps}"
            )
        },
    ),
}
