"""Each chapter can be taken along: its notebook, its text, and a command that reruns it."""

import shlex
from pathlib import Path

from optlab.running.declared import read_parameters

ROOT = Path(__file__).parents[2]


def test_each_chapter_offers_its_files_and_its_command(site, pages):
    chapters = {n: p for n, p in pages.items() if n.startswith("notebooks/")}
    assert len(chapters) >= 11
    for name, page in chapters.items():
        stem = Path(name).stem
        offered = page.select_one("details.take-along")
        links = {a.get_text(): a["href"] for a in offered.select("a")}
        assert set(links) == {"Notebook", "Text", "Package"}, name  # Colab needs a public address
        for suffix, text in (("ipynb", "Notebook"), ("md", "Text")):
            file = (site / name).parent / links[text]
            assert file.read_bytes() == (ROOT / f"notebooks/{stem}.{suffix}").read_bytes()
        words = shlex.split(offered.select_one("pre").get_text())
        assert words[:3] == [".venv/bin/optlab", "run", stem]
        notebook = ROOT / f"notebooks/{stem}.ipynb"
        assert notebook.is_file()
        start = words.index("-p")
        values = list(zip(words[start + 1 :: 3], words[start + 2 :: 3], strict=True))
        assert len(values) == 2
        assert read_parameters(notebook).accept(values)
