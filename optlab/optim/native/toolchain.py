"""The C compiler: which one it is, and a shared library made by it."""

from __future__ import annotations

import functools
import os
import platform
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")
SHARED = ("-fopenmp", "-shared", "-fPIC")
_COMPILERS = ("cc", "gcc", "clang")

# Seconds for one call. Half of one is usual.
_PATIENCE = 120


class CannotCompile(Exception):
    """The C compiler is missing or refused, or what it made cannot be loaded."""


def compiler() -> tuple[str, ...] | None:
    """The command of the C compiler: what CC says, with its arguments, or cc, gcc or clang. None
    where there is none."""
    named = os.environ.get("CC", "").strip()
    if named:
        return _found(named)
    return next(((name,) for name in map(shutil.which, _COMPILERS) if name), None)


def _found(named: str) -> tuple[str, ...] | None:
    whole = shutil.which(named)  # a path may have blanks
    if whole:
        return (whole,)
    try:
        first, *arguments = shlex.split(named)
    except ValueError:  # quotes that are not closed, or nothing but an empty quotation
        return None
    program = shutil.which(first)
    return (program, *arguments) if program else None


def required_compiler() -> tuple[str, ...]:
    """The command of the C compiler. Raises CannotCompile where there is none."""
    command = compiler()
    if command is None:
        named = os.environ.get("CC", "").strip()
        what = f"CC={named} names no program" if named else "no C compiler found"
        raise CannotCompile(f"{what}: install gcc, or set CC")
    return command


def described(command: tuple[str, ...]) -> list[str]:
    """All that a library depends on besides its source: another compiler, C library or processor
    gets a library of its own."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        libc = "".join(platform.libc_ver())
    soabi = str(sysconfig.get_config_var("SOABI"))
    system = [platform.system(), platform.machine(), libc, soabi, _processor()]
    return [*command, *FLAGS, *SHARED, _version(command), *system]


def compile_to(library: Path, source: str, command: tuple[str, ...]) -> None:
    """Make a shared library in a folder that is ours alone, which takes all temporary files.

    Raises:
        CannotCompile: the compiler fails, hangs, or makes nothing.
        OSError: the folder cannot be written to.
    """
    text = library.with_suffix(".c")
    text.write_text(source, encoding="utf-8")
    whole = [*command, *FLAGS, *SHARED, "-o", str(library), str(text), "-lm"]
    done = _run(whole, {"TMPDIR": str(library.parent)})
    name = shlex.join(command)
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()[:500]
        raise CannotCompile(f"{name} failed: {message or f'exit status {done.returncode}'}")
    if not library.is_file() or not library.stat().st_size:
        raise CannotCompile(f"{name} made no library: is it a C compiler?")


@functools.cache
def _version(command: tuple[str, ...]) -> str:
    return _run([*command, "--version"]).stdout.decode(errors="replace")


def _run(
    command: list[str], variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=_PATIENCE,
            env={**os.environ, **(variables or {})},
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise CannotCompile(f"{command[0]} cannot be run: {error}") from error


@functools.cache
def _processor() -> str:
    """What -march=native depends on, so that a shared cache serves each processor its own."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(
        next((x for x in lines if x.startswith(start)), "")
        for start in ("flags", "Features", "model name", "CPU part")
    )
