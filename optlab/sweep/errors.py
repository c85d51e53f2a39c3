"""What can stop a sweep that has begun."""

from optlab.running.errors import RunError


class Stopped(RunError):
    """The sweep cannot go on; what has finished is kept."""
