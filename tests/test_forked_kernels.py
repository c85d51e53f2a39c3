"""A forked kernel is as a kernel that Jupyter starts, but for the imports that it need not do."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import forked_kernels
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")


@pytest.fixture(scope="module", autouse=True)
def own_kernel():
    """The name python3 means this interpreter's kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(Path(sys.prefix, "share", "jupyter")))
        yield


@pytest.fixture
def start():
    started = []

    def start_(**options):
        started.append(start_new_kernel(kernel_name="python3", **options))
        return started[-1]

    yield start_
    for manager, client in started:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def said(client, code, wanted="ok"):
    """What a cell prints."""
    printed = []

    def note(message):
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, output_hook=note, timeout=60)
    assert reply["content"]["status"] == wanted, reply["content"]
    return "".join(printed).strip()


def process(manager):
    return manager.provisioner.process


LOADED = "import sys; print('torch' in sys.modules, 'sympy' in sys.modules)"


def test_modules_are_loaded_and_no_name_is_there(start):
    manager, client = start()
    assert isinstance(process(manager), forked_kernels.Forked)
    assert said(client, LOADED) == "True True"
    said(client, "torch", wanted="error")


def test_what_nobody_has_imported_must_be_imported(start):
    _, client = start()
    said(client, "import optlab; optlab.symbolic.Vector", wanted="ok")  # loads itself
    said(client, "optlab.bench.steps", wanted="error")
    said(client, "import forked_kernels", wanted="error")


def named(sources):
    """Of cells, the modules that they import by `import …`, and the dotted names that they use."""
    imported, used = set(), set()
    for source in sources:
        lines = [line for line in source.splitlines() if not line.startswith("%")]
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute):
                used.add(ast.unparse(node))
    return imported, used


def missing(imported, used, loaded):
    """Which of the modules that are named by a dotted name are not there after the imports."""
    asked = sorted(name for name in used if name in loaded)
    code = f"""import json, operator, sys
for name in {sorted(imported)!r}: __import__(name)
def there(name):
    root, _, rest = name.partition(".")
    try: return operator.attrgetter(rest)(sys.modules[root]) is not None
    except (AttributeError, KeyError): return False
print(json.dumps([name for name in {asked!r} if not there(name)]))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout), asked


def test_no_chapter_names_a_module_that_is_there_only_because_it_was_loaded_before(start):
    """What a forked kernel has loaded makes names of its packages: no forgotten import hides so."""
    _, client = start()
    loaded = set(said(client, "import sys; print(*sys.modules)").split())
    assert set(forked_kernels.USED) <= loaded
    root = Path(__file__).parents[1]
    books = [nbformat.read(path, 4) for path in sorted(root.glob("notebooks/*.ipynb"))]
    cells = [c.source for book in books for c in book.cells if c.cell_type == "code"]
    imported, used = named(cells)
    found, asked = missing(imported, used, loaded)
    assert found == []
    assert {"torch.nn", "torch.linalg"} <= set(asked)
    forgotten = "import torch, sympy\nsympy.physics.units.meter, torch.distributed.fsdp.wrap"
    found, _ = missing(*named([forgotten]), loaded)
    assert {"sympy.physics", "sympy.physics.units"} <= set(found)


STATE = """\
import os, random, signal, sys, threading, numpy, torch, matplotlib
print(os.getcwd(), os.getpgid(0) == os.getsid(0) == os.getpid(), sys.path[0] == "", sys.argv[1:2])
print(os.environ["OMP_NUM_THREADS"], os.environ.get("MPLBACKEND"), matplotlib.get_backend())
print(torch.get_num_threads(), torch.get_default_dtype())
print(signal.getsignal(signal.SIGCHLD), sys.stdin.closed, sorted(os.environ) == sorted(ENV))
print(__name__, threading.active_count(), numpy.get_printoptions()["precision"])
"""


def test_it_begins_as_one_that_jupyter_starts(start, tmp_path, monkeypatch):
    def state(environment):
        _, client = start(cwd=str(tmp_path), env=environment)
        said(client, f"ENV = {[*environment, 'JPY_PARENT_PID', 'CLICOLOR', 'MPLBACKEND']!r}")
        lines = said(client, STATE).splitlines()
        randoms = said(client, "print(random.random(), numpy.random.rand(), torch.rand(()))")
        return lines, randoms.split()

    environment = dict(os.environ)
    forked, numbers = state(environment)
    assert forked == state(environment | {"ANOTHER": "1"})[0]
    assert not {*numbers} & {*state(environment)[1]}
    assert forked[0].split()[0] == str(tmp_path)


def test_a_folder_is_named_from_where_the_test_is(start, tmp_path, monkeypatch):
    """The process that kernels are forked from was started in the folder of an earlier test."""
    start()
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    _, client = start(cwd="runs")
    assert said(client, "import os; print(os.getcwd())") == str(tmp_path / "runs")


def test_another_environment_another_kernel(start):
    manager, client = start(env={**os.environ, "PYTHONWARNINGS": "error::SyntaxWarning"})
    assert isinstance(process(manager), subprocess.Popen)
    assert said(client, LOADED) == "False False"


def test_kernels_share_nothing(start):
    (_, one), (_, other) = start(), start()
    said(one, "import torch, os; torch.manual_seed(1); torch.x = 1; os.environ['X'] = '1'")
    said(other, "import torch, os; assert not hasattr(torch, 'x') and 'X' not in os.environ")
    assert said(other, "print(torch.initial_seed())") != "1"


def test_it_is_interrupted_and_goes_on(start):
    manager, client = start()
    # After an error, a kernel refuses for a moment what it is sent, unless it is told not to.
    client.execute("print('begun'); import time; time.sleep(600)", stop_on_error=False)
    while client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    manager.interrupt_kernel()
    # On a busy machine, answers to what was asked at the start may come first.
    while (reply := client.get_shell_msg(timeout=60))["msg_type"] != "execute_reply":
        pass
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert said(client, "print('on')") == "on"


@pytest.mark.parametrize(
    ("code", "left"),
    [("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", -signal.SIGKILL)],
)
def test_its_end_is_noticed_and_how_it_ended(start, code, left):
    manager, client = start()
    client.execute(f"import os; {code}")
    assert process(manager).wait(60) == left
    assert not manager.is_alive()


def test_it_is_killed_with_what_it_started(start):
    manager, client = start()
    code = "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid, os.getpid())"
    pids = said(client, f"import os; {code}").split()
    manager.shutdown_kernel(now=True)
    assert all(ends(int(pid)) for pid in pids)


def ends(pid):
    """Whether a process ends within ten seconds: to die takes a moment on a busy machine."""
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


def alive(pid):
    """Whether a process is there, and not only its exit status, which nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


STARTS_ONE = """\
import os, sys
import forked_kernels; forked_kernels.install()
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3")
process = manager.provisioner.process
print(type(process).__name__, process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_kernels_and_their_parent_end_with_who_started_them():
    environment = {**os.environ, "PYTHONPATH": str(Path(forked_kernels.__file__).parent)}
    command = [sys.executable, "-c", STARTS_ONE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    kind, pid = done.stdout.split()  # its pipe is closed when the last of them has ended
    assert kind == "Forked"
    assert ends(int(pid)), "the kernel lives on"


def test_the_environment_of_the_tests_is_no_reason_against_a_fork():
    """In a run of all tests, what their imports set in it is no reason either."""
    from jupyter_client.provisioning import local_provisioner

    parent = local_provisioner.launch_kernel.parent
    now, then = (
        set(forked_kernels.read(e).items()) for e in (dict(os.environ), parent.environment)
    )
    assert now ^ then == set()


SETS_ONE = """
import os

def test_sets(): os.environ["LEFT_BY_A_MODULE"] = "1"
def test_finds(): assert "LEFT_BY_A_MODULE" not in os.environ
"""


def test_what_a_module_sets_in_the_environment_ends_with_the_test(pytester):
    pytester.makepyfile(SETS_ONE)
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text())
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)
