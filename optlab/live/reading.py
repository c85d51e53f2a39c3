"""The reader's text made a rule, or a mistake in plain words."""

from __future__ import annotations

import difflib
import inspect
import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, NamedTuple

import sympy

from optlab import ops, rules
from optlab.live.catalogue import Entry
from optlab.rules.rule import Rule, State

FILE = "<your rule>"  # the name of the text in tracebacks


@dataclass
class Mistake(Exception):
    """What is wrong with the text, in one line of plain words, and in which line of it."""

    message: str
    line: int | None = None


class Reading(NamedTuple):
    """What a text has made under the name of its entry, a rule or a function that changes one,
    and the rule."""

    made: Any
    rule: Rule


def read(source: str, entry: Entry) -> Reading:
    """What the text defines, in the place of the book's rule of an entry.

    It sees what the book's rule sees, the imports and functions of that file, and all other
    operations and rules.

    Raises:
        Mistake: there is none, or it cannot take a step.
    """
    linecache.cache[FILE] = len(source), None, source.splitlines(keepends=True), FILE
    names = _beside(entry)
    try:
        code = compile(source, FILE, "exec", dont_inherit=True)
        exec(code, names)  # noqa: S102 - the reader's own text, on her own machine, when she asks
        if entry.name not in names:
            raise Mistake(f"There is no {entry.name} any more: the function keeps its name.")
        rule = entry.rule_of(names[entry.name])
    except (Exception, SystemExit) as error:
        raise mistake(error) from error
    if not isinstance(rule, Rule):
        how = "put @rule(…) above it" if entry.around is None else "it returns Rule(…)"
        raise Mistake(f"{entry.name} is no rule: {how}.")
    _try(rule)
    return Reading(names[entry.name], rule)


def _beside(entry: Entry) -> dict[str, Any]:
    """The names that the text may use without an import."""
    operations = {name: x for name, x in vars(ops).items() if isinstance(x, ops.Operation)}
    others = {name: x for name, x in vars(rules).items() if isinstance(x, Rule)}
    file = vars(sys.modules[entry.function.__module__])
    return {name: x for name, x in (operations | others | file).items() if name != entry.name}


def _try(rule: Rule) -> None:
    """Take one step, and look at what comes back.

    Raises:
        Mistake: it has no end, or not that of a rule.
    """
    parameters = inspect.signature(rule.function).parameters.values()
    if [q.kind for q in parameters if q.kind not in (q.KEYWORD_ONLY, q.VAR_KEYWORD)] != 4 * [
        inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]:
        raise Mistake(
            "A rule takes four things, parameter, gradient, state and t, and after * its "
            "hyperparameters.",
            rule.function.__code__.co_firstlineno,
        )
    p, g, t, *numbers = (sympy.Symbol(n, positive=True) for n in ("p", "g", "t", *rule.numbers))
    hyper = dict(zip(rule.numbers, numbers, strict=True)) | rule.flags
    try:
        state = State(**{name: sympy.Symbol(name, positive=True) for name in rule.initial})
        rule.init(p)
        returned = rule(p, g, state, t, **hyper)
    except (Exception, SystemExit) as error:
        raise mistake(error) from error
    if not (isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], State)):
        raise Mistake("A rule ends with: return the new parameter, State(…).", _last(rule))
    if vars(returned[1]).keys() != rule.initial.keys():
        raise Mistake(
            f"The rule returns State({', '.join(vars(returned[1]))}), and @rule(…) above it "
            f"starts {', '.join(rule.initial) or 'no state'}: the names must be the same.",
            _last(rule),
        )


def _last(rule: Rule) -> int:
    """The last line of a rule."""
    lines, first = inspect.getsourcelines(rule.function)
    return first + len(lines) - 1


def mistake(error: BaseException) -> Mistake:
    """An error in plain words."""
    if isinstance(error, Mistake):
        return error
    if isinstance(error, SyntaxError):
        return Mistake(f"Python cannot read this line: {error.msg}.", error.lineno)
    frame, line = None, None
    for trace in _traces(error):
        frame, line = trace.tb_frame, trace.tb_lineno
        if isinstance(error, RecursionError):
            break  # further in, it is an accident which line comes too deep
    text = " ".join(str(error).split())
    ours = isinstance(error, ValueError) and bool(text)  # said in words already
    words = text if ours else f"{type(error).__name__}: {text}".removesuffix(": ")
    return Mistake(_known(error, text, frame) or words, line)


def _traces(error: BaseException) -> Iterator[TracebackType]:
    """The places in the text that were being run, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            yield trace
        trace = trace.tb_next


def _known(error: BaseException, text: str, frame: FrameType | None) -> str | None:
    """Of errors that a reader is likely to meet, what they mean. frame: where she made it."""
    if isinstance(error, UnboundLocalError):
        return f"{error.name or text} is used before it has a value."
    if isinstance(error, NameError):
        return f"There is no {error.name} here.{_meant(str(error.name), frame)}"
    if isinstance(error, ModuleNotFoundError):
        return f"There is no module {error.name} here."
    if isinstance(error, ImportError):
        return f"This import finds nothing: {text}."
    if isinstance(error, AttributeError) and isinstance(error.obj, State):
        starts = f"@rule({error.name}=zeros_like, …)"
        return f"The state has no {error.name}: {starts} above the rule starts one at zero."
    if isinstance(error, RecursionError):
        return "The rule calls itself without end."
    if isinstance(error, SystemExit):
        return "The text ends the program that reads it."
    if isinstance(error, MemoryError | OverflowError):
        return "A number is too large."
    if isinstance(error, TypeError) and "truth value" in text:
        return "A rule compares no values: write cases with maximum, minimum, divide or ratio."
    if isinstance(error, TypeError) and "expression to float" in text:
        return "This function knows numbers only: sqrt, norm and others are there without math."
    if isinstance(error, TypeError) and "is not callable" in text:
        return "What stands before a ( here is no function: is a * missing?"
    return None


def _meant(name: str, frame: FrameType | None) -> str:
    """A name that there is, if one is much like it."""
    there = {*frame.f_globals, *frame.f_locals} if frame else {}
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.75)
    return f" Did you mean {near[0]}?" if near else ""
