"""What a cell runs that tries a mutation: see `mutations`. Its source is copied there."""

import json as _json
import os as _os


def try_out(id, asked):
    """The verdict on a claim after a change, as JSON of [id, verdict].

    This source is what a cell of the notebook runs. The change is made in a copy of the process,
    which shows nothing and ends with its answer. asked: the cells to run; texts of rules and of
    the deck's words, and what takes their place.
    """
    receiving, sending = _os.pipe()
    pid = _os.fork()
    if pid == 0:
        try:
            answer = _changed(id, asked)
        except BaseException as error:  # whatever it is, this process must not go on
            answer = f"{type(error).__name__}: {error}"
        _os.write(sending, answer.encode()[:4000])
        _os._exit(0)
    _os.close(sending)
    with _os.fdopen(receiving, "rb") as pipe:
        answer = pipe.read().decode()
    _os.waitpid(pid, 0)
    return _json.dumps([id, answer])


def _changed(id, asked):
    import dataclasses
    import inspect
    import io
    import pkgutil
    import sys
    import textwrap

    import IPython.display

    from optlab.report import claims

    shown = []
    IPython.display.display = lambda *what, **options: shown.extend(what)
    sys.stdout = sys.stderr = io.StringIO()

    def replaced(text, old, new):
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {text!r}, not once"
        return text.replace(old, new)

    for name, (old, new) in asked["rules"].items():
        rule = pkgutil.resolve_name(f"optlab.{name}" if "." in name else f"optlab.rules:{name}")
        function = inspect.unwrap(getattr(rule, "function", rule))
        source = textwrap.dedent(inspect.getsource(function))
        space = dict(sys.modules[function.__module__].__dict__)
        lines = replaced(source, old, new).splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("def "))
        exec("\n".join(lines[start:]), space)  # noqa: S102
        if hasattr(rule, "function"):
            rule.function = space[function.__name__]
        else:  # wherever it was imported to
            function.__code__ = space[function.__name__].__code__
    if asked["rules"]:  # what was compiled of the rules before is not theirs any more
        from optlab.optim.execution import forget_kernels

        forget_kernels()
    if asked["quotes"]:
        statement = claims.load()[id]
        words = "\0".join(statement.quotes)
        for old, new in asked["quotes"].items():
            words = replaced(words, old, new)
        quote, *context = words.split("\0")
        if not statement.quote:
            quote, context = "", [quote, *context]
        claims.load()[id] = dataclasses.replace(statement, quote=quote, context=tuple(context))
    for source in asked["cells"]:
        exec(compile(source, "<changed>", "exec"), globals())  # noqa: S102
    verdicts = [v.verdict for v in shown if getattr(v, "statement", None) and v.statement.id == id]
    return verdicts[-1] if verdicts else "the claim is not shown"
