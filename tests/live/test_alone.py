"""What the reader edits runs where there is Python with SymPy and nothing else."""

import subprocess
import sys

WITHOUT = """
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "numpy", "scipy", "matplotlib", "IPython", "yaml"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nowhere())
from optlab.live import book, chapters, run

answer = book("adam")
assert answer["error"] is None and answer["checks"][0]["holds"], answer
for chapter, what in chapters().items():
    for rule in what["rules"]:
        assert run(rule["source"], rule["name"], chapter)["error"] is None
x = chapters()["03-adam"]["exercises"][0]
assert run(x["source"], "adam", "03-adam", x["id"])["exercise"]["right"] is False
print(run("import torch", "adam")["error"])
"""


def test_it_needs_nothing_but_sympy():
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "{'line': 1, 'message': 'There is no module torch here.'}\n"
