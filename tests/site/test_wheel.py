"""The site carries the package: a notebook from a page, with the line that the page shows in front,
runs where the package is not installed."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import optlab

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "site/extensions"))
import site_wheel  # noqa: E402
import take_along  # noqa: E402

NAME = f"optlab_book-{optlab.__version__}-py3-none-any.whl"
CHAPTER = "notebooks/01-gradient-descent.html"
TOLD = """
import optlab
from optlab.experiments import recorded
assert optlab.__file__.startswith({folder!r}), optlab.__file__
assert recorded("07-adamw", "small"), "the recorded runs came along"
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A Python that has what the package needs, by a path file, but not the package."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    libraries = folder / "libraries"
    libraries.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "optlab" not in path.name:  # neither it nor what makes it importable from the clone
            (libraries / path.name).symlink_to(path)
    [site] = (folder / "venv/lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(f"{libraries}\n")
    python = folder / "venv/bin/python"
    without = subprocess.run([python, "-c", "import optlab"], cwd=folder, capture_output=True)
    assert b"No module named 'optlab'" in without.stderr
    return python


def install_line(page, address):
    """The line that a page shows, with the address as book.js completes it."""
    line = page.select_one("details.take-along .install-line pre").get_text().strip()
    command, _, wheel = line.rpartition(" ")
    return f"{command} {urljoin(address, wheel)}"


def test_each_chapter_shows_the_line(pages):
    chapters = {n: p for n, p in pages.items() if n.startswith("notebooks/")}
    for name, page in chapters.items():
        line = install_line(page, f"https://book.example/a/{name}")
        assert line == f"%pip install -q https://book.example/a/wheels/{NAME}", name


def test_a_notebook_from_a_page_runs_where_the_package_is_not(
    pages, address, elsewhere, tmp_path, monkeypatch
):
    page = pages[CHAPTER]
    here = f"{address}/{CHAPTER}"
    [link] = [a["href"] for a in page.select("details.take-along a") if a.get_text() == "Notebook"]
    with urlopen(urljoin(here, link)) as file:  # as a reader saves it
        notebook = nbformat.reads(file.read().decode(), 4)
    line = install_line(page, here)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    told = TOLD.format(folder=str(elsewhere.parents[1]))
    sources = [line, *code[:3], told]  # the chapter's own checks are those of its other runs
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    monkeypatch.setenv("VIRTUAL_ENV", str(elsewhere.parents[1]))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # all that it needs is there
    monkeypatch.delenv("PYTHONPATH", raising=False)
    run(notebook, elsewhere, tmp_path)


def run(notebook, python, folder):
    spec = folder / "kernels/elsewhere"
    spec.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    named = {"argv": argv, "display_name": "elsewhere", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(named))
    manager = AsyncKernelManager(
        kernel_name="elsewhere",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(folder / "kernels")]),
    )
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, km=manager, resources=resources, timeout=200).execute()


def test_the_wheel_is_the_package_and_its_records(site):
    with zipfile.ZipFile(site / "wheels" / NAME) as wheel:
        names = set(wheel.namelist())
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "optlab").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    records = {
        f"optlab/{path.relative_to(ROOT).as_posix()}"
        for path in ROOT.glob("book/results/**/*.json")
    }
    assert records
    assert {name for name in names if ".dist-info/" not in name} == files | records


def test_two_builds_are_the_same_whoever_makes_them(tmp_path):
    first = site_wheel.build(ROOT, tmp_path / "first")
    before = os.umask(0o077)
    try:
        second = site_wheel.build(ROOT, tmp_path / "second")
    finally:
        os.umask(before)
    assert first.read_bytes() == second.read_bytes()


def test_where_the_address_is_known_the_notebook_has_the_line():
    class App:
        class config:
            html_baseurl = "https://book.example/a/"

        class builder:
            get_target_uri = staticmethod(lambda name: f"{name}.html")

    address = site_wheel.address(App, "notebooks/03-adam")
    assert address == f"https://book.example/a/wheels/{NAME}"
    App.config.html_baseurl = ""
    assert site_wheel.address(App, "notebooks/03-adam") == f"../wheels/{NAME}"
    notebook = nbformat.read(ROOT / "notebooks/03-adam.ipynb", 4)
    number = len(notebook.cells)
    line = site_wheel.LINE.format(address)
    for _ in range(2):  # the second build of a site finds the first one's
        take_along.installing(notebook, line)
        assert len(notebook.cells) == number + 1
        assert notebook.cells[0].source == line
        nbformat.validate(notebook)


def test_the_address_may_be_given_for_one_build(monkeypatch):
    import address

    class Config:
        def __init__(self, base="", repository=""):
            self.html_baseurl = base
            self.html_theme_options = {"repository_url": repository}

    for given, config, base in [
        ("https://b.example/", Config(), "https://b.example/"),
        ("https://b.example/", Config("https://c.example/"), "https://b.example/"),
        ("", Config("https://c.example/"), "https://c.example/"),
        ("", Config("", "https://github.com/me/book"), "https://me.github.io/book/"),
        ("", Config(), ""),
    ]:
        monkeypatch.setenv("BOOK_ADDRESS", given)
        address.derive(None, config)
        assert config.html_baseurl == base


def test_the_script_completes_the_address(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/{CHAPTER}")
    text = page.locator(".install-line pre").text_content()
    page.close()
    assert text.strip() == f"%pip install -q {address}/wheels/{NAME}"


def test_no_command_names_the_stranger_s_package():
    """`optlab` on the package index is another project."""
    stranger = re.compile(r"pip install[^\n`]*?[\s'\"](optlab)(?![\w/-])")
    files = [*ROOT.glob("*.md"), *ROOT.glob("book/**/*.md"), *ROOT.glob("notebooks/*.md")]
    files += [*ROOT.glob("optlab/**/*.py"), *ROOT.glob("site/**/*.py")]
    found = [path.name for path in files if stranger.search(path.read_text("utf-8"))]
    assert found == []
    assert stranger.search("pip install 'optlab[sweep]'")
