"""The cache of kernels: nothing that is in it, or in the way of it, ends training."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
import warnings

import pytest
import torch

import optlab
from optlab.optim import execution, native
from optlab.optim.native import cache, library, places, toolchain

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="no C compiler")

SOURCE = "#include <stdint.h>\nint step(int64_t count) { return (int)count + 1; }\n"


@pytest.fixture(autouse=True)
def fresh_memory(monkeypatch):
    monkeypatch.setitem(execution.WORTH_COMPILING, "cpu", 0)
    cache._temporary_of.cache_clear()
    execution.forget_kernels()
    yield
    execution.forget_kernels()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    places._function()  # a kernel too, once in a process: not in this folder
    path = tmp_path / "kernels"
    monkeypatch.setenv("OPTLAB_CACHE", str(path))
    return path


def files(folder):
    return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def compilations(monkeypatch):
    """The folders that were compiled in."""
    made = []
    real = library.compile_to
    monkeypatch.setattr(
        library, "compile_to", lambda to, *args: (made.append(to.parent.parent), real(to, *args))
    )
    return made


def one_step():
    """A step of SGD under "auto": what it says, and whether it is right."""
    p = torch.nn.Parameter(torch.ones(2000))
    p.grad = torch.ones(2000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimizer = optlab.SGD([p], lr=0.5)
        optimizer.step()
        optimizer.step()
    assert torch.equal(p, torch.zeros(2000))
    return [str(w.message) for w in caught]


def in_a_process(code, **variables):
    env = {k: v for k, v in {**os.environ, **variables}.items() if v is not None}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env=env
    )


def test_it_is_kept_under_a_name_that_says_what_is_in_it(folder, compilations):
    assert library.load(SOURCE)(2) == 3
    (kept,) = files(folder)
    assert cache._is_sound(kept)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert library.load(SOURCE)(2) == 3
    assert compilations == [folder]


def test_folders_are_for_nobody_else_whatever_the_umask(tmp_path, monkeypatch):
    monkeypatch.delenv("OPTLAB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = os.umask(0)
    try:
        library.load(SOURCE)
    finally:
        os.umask(before)
    for path in (tmp_path / "cache").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


DAMAGE = {
    "empty": lambda p: p.write_bytes(b""),
    "half": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    "zeros": lambda p: p.write_bytes(bytes(p.stat().st_size)),
    "zeros at the end": lambda p: p.write_bytes(p.read_bytes()[:-4096] + bytes(4096)),
    "garbage": lambda p: p.write_bytes(b"\x7fELF" + os.urandom(5000)),
    "one bit": lambda p: p.write_bytes(p.read_bytes()[:-1] + bytes([p.read_bytes()[-1] ^ 1])),
    "longer": lambda p: p.write_bytes(p.read_bytes() + b"\0"),
    "folder": lambda p: (p.unlink(), p.mkdir(), (p / "x").touch()),
    "link": lambda p: (p.rename(p.with_suffix(".x")), p.symlink_to(p.with_suffix(".x"))),
    "dangling link": lambda p: (p.unlink(), p.symlink_to("nowhere")),
    "for others to write": lambda p: p.chmod(0o777),
    "pipe": lambda p: (p.unlink(), os.mkfifo(p)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_kernel_is_made_anew(folder, compilations, damage):
    assert one_step() == []
    (kept,) = files(folder)
    replacement = kept.read_bytes()
    # of another file, since this process has the first one mapped
    kept.unlink()
    kept.write_bytes(replacement)
    kept.chmod(0o700)
    damage(kept)
    execution.forget_kernels()
    assert one_step() == []
    assert compilations == [folder, folder]
    assert cache._is_sound(kept)
    execution.forget_kernels()
    assert one_step() == []
    assert len(compilations) == 2


def test_a_kernel_without_its_function_is_made_anew(folder, compilations):
    assert library.load(SOURCE)(1) == 2
    (kept,) = files(folder)
    key = kept.name.partition("-")[0]
    kept.unlink()
    command = toolchain.required_compiler()
    other = SOURCE.replace("step", "pace")
    cache.keep(folder, key, lambda to: toolchain.compile_to(to, other, command))
    assert library.load(SOURCE)(1) == 2
    assert len(compilations) == 2


def test_no_kernel_of_another_user_is_loaded(folder, compilations, monkeypatch):
    library.load(SOURCE)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    library.load(SOURCE)
    assert compilations[0] == folder
    assert folder not in compilations[1:]
    monkeypatch.undo()
    (kept,) = files(folder)
    assert cache._is_ours(kept)
    monkeypatch.setattr(cache, "_is_ours", lambda path: path != kept)  # the file alone is another's
    assert cache.find(folder, kept.name.partition("-")[0]) is None
    assert not files(folder)


LOOSE = {
    "folder for all": ("kernels", 0o777),
    "folder for a group": ("kernels", 0o770),
    "parent for all": (".", 0o777),
    "parent for a group": (".", 0o775),
}


@pytest.mark.parametrize(("where", "mode"), LOOSE.values(), ids=LOOSE)
def test_where_others_may_write_nothing_is_loaded(folder, compilations, where, mode):
    library.load(SOURCE)
    (folder.parent / where).chmod(mode)
    library.load(SOURCE)
    (folder.parent / where).chmod(0o700)
    assert compilations[0] == folder
    assert folder not in compilations[1:]
    assert stat.S_IMODE(compilations[1].stat().st_mode) == 0o700


def test_a_sticky_parent_is_safe(folder, compilations):
    folder.parent.chmod(0o1777)
    library.load(SOURCE)
    folder.parent.chmod(0o700)
    assert compilations == [folder]


def test_a_linked_folder_is_not_believed(folder, compilations, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    library.load(SOURCE)
    assert not files(tmp_path / "elsewhere")
    assert folder not in compilations


UNUSABLE = {
    "a file": {"OPTLAB_CACHE": "{tmp}/file"},
    "below a file": {"OPTLAB_CACHE": "{tmp}/file/kernels"},
    "nowhere": {"OPTLAB_CACHE": "/proc/none/kernels"},
    "too long": {"OPTLAB_CACHE": "{tmp}/" + "x" * 300},
    "home is a file": {"OPTLAB_CACHE": None, "HOME": "{tmp}/file", "XDG_CACHE_HOME": None},
    "home cannot be made": {"OPTLAB_CACHE": None, "HOME": "/proc/none", "XDG_CACHE_HOME": None},
    "home is empty": {"OPTLAB_CACHE": None, "HOME": "", "XDG_CACHE_HOME": None},
    "no such user": {"OPTLAB_CACHE": "~nobody-of-this-name/k"},
}


def set_all(monkeypatch, variables, tmp_path):
    (tmp_path / "file").touch()
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value.replace("{tmp}", str(tmp_path)))


@pytest.mark.parametrize("variables", UNUSABLE.values(), ids=UNUSABLE)
def test_without_a_cache_kernels_last_as_long_as_the_process(
    variables, monkeypatch, tmp_path, compilations
):
    set_all(monkeypatch, variables, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert one_step() == []
    assert len(compilations) == 1
    assert files(tmp_path) == [tmp_path / "file"]
    execution.forget_kernels()
    assert one_step() == []
    assert len(compilations) == 1


PLACES = {
    "empty": ({"OPTLAB_CACHE": "", "XDG_CACHE_HOME": "{tmp}/xdg"}, "xdg/optlab/kernels"),
    "blank": ({"OPTLAB_CACHE": " ", "XDG_CACHE_HOME": "{tmp}/xdg"}, "xdg/optlab/kernels"),
    "here": ({"OPTLAB_CACHE": "."}, "."),
    "relative": ({"OPTLAB_CACHE": "a/b"}, "a/b"),
    "home": ({"OPTLAB_CACHE": "~/k", "HOME": "{tmp}"}, "k"),
    "relative XDG": (
        {"OPTLAB_CACHE": None, "XDG_CACHE_HOME": "xdg", "HOME": "{tmp}"},
        ".cache/optlab/kernels",
    ),
}


@pytest.mark.parametrize(("variables", "place"), PLACES.values(), ids=PLACES)
def test_the_folder_that_is_meant(variables, place, monkeypatch, tmp_path, compilations):
    set_all(monkeypatch, variables, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert one_step() == []
    assert compilations == [tmp_path / place]


def test_the_temporary_folder_goes_with_the_process(tmp_path):
    (tmp_path / "tmp").mkdir()
    done = in_a_process(
        """
        import torch, optlab
        from optlab.optim import execution
        execution.WORTH_COMPILING["cpu"] = 0
        p = torch.nn.Parameter(torch.ones(9)); p.grad = torch.ones(9)
        optlab.SGD([p], lr=.5).step()
        import os
        there = os.listdir(os.environ["TMPDIR"])
        print(p[0].item(), any("optlab-kernels-" in x for x in there))
        """,
        OPTLAB_CACHE="/proc/none", TMPDIR=str(tmp_path / "tmp"),
    )  # fmt: skip
    assert done.stdout.split() == ["0.5", "True"], done.stderr
    assert not done.stderr
    assert not [f for f in files(tmp_path / "tmp") if "optlab" in f.name]


def test_nowhere_at_all_is_one_warning(monkeypatch):
    monkeypatch.setenv("OPTLAB_CACHE", "/proc/none")

    def nowhere(*_, **__):
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr("tempfile.mkdtemp", nowhere)
    (message,) = one_step()
    assert "no usable temporary directory" in message
    assert "goes on with execution='foreach'" in message


def test_a_full_or_read_only_folder_is_passed_over(folder, monkeypatch, compilations):
    real = cache.keep

    def full(place, *args):
        if place == folder:
            raise OSError(28, "No space left on device")
        return real(place, *args)

    monkeypatch.setattr(cache, "keep", full)
    assert one_step() == []
    assert len(compilations) == 1
    assert not files(folder)


def test_a_folder_that_cannot_be_executed_from_is_passed_over(folder, monkeypatch, compilations):
    class Status:
        f_flag = os.ST_NOEXEC

    monkeypatch.setattr(os, "statvfs", lambda _: Status)
    assert one_step() == []
    assert folder not in compilations
    # and where nothing says so before it is tried
    monkeypatch.undo()
    monkeypatch.setenv("OPTLAB_CACHE", str(folder))
    monkeypatch.setitem(execution.WORTH_COMPILING, "cpu", 0)
    execution.forget_kernels()
    real = library._step

    def mapped(path):
        if path.parent == folder:
            raise OSError("failed to map segment from shared object")
        return real(path)

    monkeypatch.setattr(library, "_step", mapped)
    assert one_step() == []


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


COMPILERS = {
    "true": (lambda _: "true", "made no library"),
    "false": (lambda _: "false", "failed: exit status 1"),
    "cat": (lambda _: "cat", "failed"),
    "no format": (lambda t: script(t / "cc1", "\x00\x01nonsense"), "cannot be run"),
    "not UTF-8": (
        lambda t: script(t / "cc2", "#!/bin/sh\nprintf '\\377\\376' >&2; exit 1"),
        "failed",
    ),
    "garbage": (
        lambda t: script(
            t / "cc3", '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; echo nonsense > "$2"'
        ),
        "",
    ),
    "killed": (lambda t: script(t / "cc4", "#!/bin/sh\nkill -9 $$"), "exit status -9"),
    "arguments it has not": (lambda _: "gcc --no-such-argument", "no-such-argument"),
}


@pytest.mark.parametrize(("command", "reason"), COMPILERS.values(), ids=COMPILERS)
def test_a_broken_compiler_is_one_warning(folder, tmp_path, monkeypatch, command, reason):
    monkeypatch.setenv("CC", command(tmp_path))
    (message,) = one_step()
    assert reason in message
    assert "goes on with execution='foreach'" in message
    assert one_step() == []  # and does not try again
    assert not files(folder)
    p = torch.nn.Parameter(torch.ones(3))
    p.grad = torch.ones(3)
    with pytest.raises(native.CannotCompile):
        optlab.SGD([p], lr=0.5, execution="compiled").step()


def test_a_compiler_that_hangs_is_given_up(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", script(tmp_path / "cc", "#!/bin/sh\nexec sleep 60"))
    monkeypatch.setattr(toolchain, "_PATIENCE", 0.2)
    (message,) = one_step()
    assert "timed out" in message


def test_the_compiler_may_have_arguments(folder, tmp_path, monkeypatch, compilations):
    (gcc,) = native.compiler()
    for command in (f"{gcc} -m64", f"env {gcc}", f"'{gcc}'"):
        monkeypatch.setenv("CC", command)
        execution.forget_kernels()
        assert one_step() == []
    os.symlink(gcc, tmp_path / "my gcc")
    monkeypatch.setenv("CC", str(tmp_path / "my gcc"))
    execution.forget_kernels()
    assert one_step() == []
    assert len(compilations) == 4
    assert len({f.name.partition("-")[0] for f in files(folder)}) == 4


def test_a_compiler_that_is_not_there_is_one_warning(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    monkeypatch.setenv("CXX", "no-such-compiler")
    execution.forget_kernels()
    assert one_step() == ["CC=no-such-compiler -m64 names no program: rules are not compiled to C"]
    assert one_step() == []


def test_another_compiler_flag_libc_or_processor_has_a_kernel_of_its_own(folder, monkeypatch):
    def key():
        library.load(SOURCE)
        new = set(files(folder)) - seen
        seen.update(new)
        return new

    seen = set()
    assert len(key()) == 1
    assert not key()
    with monkeypatch.context() as m:
        m.setattr(toolchain, "_version", lambda _: "gcc 99")
        assert key()
    with monkeypatch.context() as m:
        m.setattr(toolchain, "_processor", lambda: "avx1024")
        assert key()
    with monkeypatch.context() as m:
        m.setattr(os, "confstr", lambda _: "glibc 9.9")
        assert key()
    with monkeypatch.context() as m:
        m.setattr(toolchain, "FLAGS", ("-O1",))
        assert key()


LOAD = """
import sys
from optlab.optim.native import library
assert library.load(sys.argv[1])(1) == 2
"""


def test_two_processes_at_once(folder):
    both = [subprocess.Popen([sys.executable, "-c", LOAD, SOURCE]) for _ in range(2)]
    assert [p.wait(60) for p in both] == [0, 0]
    assert all(map(cache._is_sound, files(folder)))
    assert 1 <= len(files(folder)) <= 2


def test_what_a_killed_build_left_is_removed(folder, tmp_path, monkeypatch):
    (gcc,) = native.compiler()
    slow = script(tmp_path / "cc", f'#!/bin/sh\n[ "$1" = --version ] || sleep 60\nexec {gcc} "$@"')
    env = {**os.environ, "CC": slow}
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, SOURCE], env=env, start_new_session=True
    )
    until = time.monotonic() + 60
    while not files(folder) and time.monotonic() < until:
        time.sleep(0.05)
    (left,) = files(folder)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert left.is_dir()
    alive = folder / f"build-{cache._host()}-{os.getpid()}-x"
    elsewhere = folder / "build-00000000-1-x"
    alive.mkdir()
    elsewhere.mkdir()
    library.load(SOURCE)
    assert not left.exists()
    assert alive.exists()
    assert elsewhere.exists()


def test_grids_go_on_without_a_compiler(folder, monkeypatch):
    from optlab.grid.update import Update

    def stepped():
        p = [torch.ones(3, 4)]
        g = [torch.full((3, 4), 2.0)]
        update = Update(optlab.rules.gradient_descent, {}, ["lr"], p, g)
        update.prepare(0, {"lr": torch.tensor([[0.1, 0.2, 0.3]])})
        update()
        return p[0]

    expected = torch.tensor([0.8, 0.6, 0.4])[:, None].expand(3, 4)
    assert torch.allclose(stepped(), expected)
    monkeypatch.setenv("CC", "true")
    with pytest.warns(RuntimeWarning, match="true made no library"):
        assert torch.allclose(stepped(), expected)


def test_a_failure_of_torch_compile_leaves_the_kernels_in_c(folder, monkeypatch):
    def broken(*_, **__):
        raise PermissionError(13, "Permission denied: /nonexistent/torchinductor")

    monkeypatch.setattr(torch, "compile", broken)
    monkeypatch.setattr(execution, "_has_cxx", lambda: True)
    half = torch.nn.Parameter(torch.ones(2000, dtype=torch.bfloat16))
    half.grad = torch.ones_like(half)
    with pytest.warns(UserWarning, match=r"Permission denied.* goes on with execution='foreach'"):
        optlab.SGD([half], lr=0.5).step()
    assert torch.equal(half, torch.full_like(half, 0.5))
    assert one_step() == []
    assert len(files(folder)) == 1  # which was compiled now


def test_one_without_cxx_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    half = torch.nn.Parameter(torch.ones(2000, dtype=torch.bfloat16))
    half.grad = torch.ones_like(half)
    optimizer = optlab.SGD([half], lr=0.25)
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler.*install g\+\+"):
        optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
    assert torch.equal(half, torch.full_like(half, 0.5))
    with pytest.raises(native.CannotCompile, match=r"no C\+\+ compiler"):
        optlab.SGD([half], lr=0.25, execution="compiled").step()
    assert one_step() == []
