"""CONTRIBUTING's table of rooms is the package, and its way of a weight names what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)[1]


def test_every_room_is_in_the_table_and_nothing_else():
    rows = re.findall(r"^\| (`.*?) \|", section("The rooms"), re.M)
    named = [name for row in rows for name in re.findall(r"`(.+?)`", row)]
    there = [
        path.name + "/" * path.is_dir()
        for path in (ROOT / "optlab").iterdir()
        if not path.name.startswith("__") and path.name != "py.typed"
    ]
    assert sorted(named) == sorted(there)


def test_the_table_is_in_the_order_in_which_imports_run():
    layers = re.search(r"^layers = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S)[
        1
    ]
    depth = {
        name.strip().removeprefix("optlab."): i
        for i, layer in enumerate(re.findall(r'"(.+?)"', layers))
        for name in layer.split("|")
    }
    rows = re.findall(r"^\| (`.*?) \|", section("The rooms"), re.M)
    order = [
        {depth[n] for n in re.findall(r"`(\w+)(?:/|\.py)`", row) if n in depth} for row in rows
    ]
    order = [ranks for ranks in order if ranks]
    assert all(len(ranks) == 1 for ranks in order), order
    assert [min(ranks) for ranks in order] == sorted(min(ranks) for ranks in order)


def test_the_way_of_a_weight_is_along_files_that_there_are():
    way = section("The way of a weight")
    files = re.findall(r"`([\w/]+\.py|[\w/]+/)`", way)
    assert len(files) >= 6
    assert [name for name in files if not (ROOT / "optlab" / name).exists()] == []
    for function in re.findall(r"`(_?[a-z_]+)`", way):
        if function in ("lr", "step", "foreach", "plain", "compiled"):
            continue
        source = "".join(p.read_text("utf-8") for p in (ROOT / "optlab").rglob("*.py"))
        assert re.search(rf"\b{function}\b", source), function


def test_the_book_is_text_and_its_machinery_is_beside_it():
    machinery = {".py", ".js", ".css", ".html"}
    assert [p for p in (ROOT / "book").rglob("*") if p.suffix in machinery] == []
    named = set(yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["local_extensions"])
    extensions = {p.stem: p.read_text("utf-8") for p in (ROOT / "site/extensions").glob("*.py")}
    assert named == {name for name, text in extensions.items() if "\ndef setup(app)" in text}


@pytest.mark.parametrize("flags", [["-c"], ["-P", "-c"], ["-X", "frozen_modules=off", "-c"]])
def test_the_folder_of_the_site_hides_no_module_of_python(flags):
    where = "import importlib.util as u; print(u.find_spec('site').origin)"
    command = [sys.executable, *flags, where]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert found.strip() in ("frozen", str(Path(os.__file__).with_name("site.py")))
