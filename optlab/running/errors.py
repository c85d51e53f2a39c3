"""What can go wrong with a run, other than a fault in this program."""


class RunError(Exception):
    """The message is for a person: a line for each problem, each with its remedy."""
