"""What the README tells a reader to type exists."""

import logging
import re
import shutil
import sys
from pathlib import Path

import pydata_sphinx_theme
import pytest

import optlab

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.S))


def test_make_targets():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"\bmake (\w+)", re.sub(r"#.*", "", BLOCKS)))
    named |= set(re.findall(r"`make (\w+)`", README))
    assert {"book", "test", "outputs"} <= named
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.M)] == []


def test_paths():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    named = re.findall(r"`([\w./-]+\.(?:md|toml|yml|lock|in|cfg|bib|ipynb)|[\w./-]+/)`", README)
    made = {"runs/", "_build/html/", "notebooks/NN-topic.md"}  # by running, by the next author
    assert "LICENSE" in links
    assert [p for p in [*links, *named] if p not in made and not (ROOT / p).exists()] == []


def test_plain_commands_are_those_of_make():
    makefile = (ROOT / "Makefile").read_text()
    for command in ("jupyter-book build . -W --keep-going -q", "pytest -q -n 2 --dist loadfile"):
        assert command in BLOCKS
        assert command in makefile


@pytest.mark.parametrize(
    "text", ["MIT License", "CC BY 4.0", "creativecommons.org/licenses/by/4.0"]
)
def test_license_names_both(text):
    assert text in (ROOT / "LICENSE").read_text()


def test_the_build_says_what_matters(tmp_path, caplog):
    """`-q` leaves warnings, errors and where the site is; subsetting of fonts has no log."""
    sys.path.insert(0, str(ROOT / "site/extensions"))
    import light_pages

    theme = Path(pydata_sphinx_theme.__file__).parent
    [font] = theme.rglob("fa-regular-400.woff2")
    folder = tmp_path / "fontawesome/webfonts"
    folder.mkdir(parents=True)
    shutil.copy(font, folder)
    caplog.set_level(logging.INFO)
    light_pages.keep_icons(tmp_path, set())
    assert (folder / font.name).stat().st_size < font.stat().st_size / 2
    assert caplog.records == []


def test_it_names_every_optimizer():
    assert not [name for name in optlab.optim.OPTIMIZERS if f"`{name}`" not in README]
