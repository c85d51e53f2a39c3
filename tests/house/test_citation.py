"""The ways to cite the book agree with each other, with the package and with its changelog."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import optlab

ROOT = Path(__file__).parents[2]
NAME = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]


@pytest.fixture(scope="module")
def cff():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


def test_citation_data_agree(cff):
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    [entry] = re.findall(r"```bibtex\n(.*?)```", (ROOT / "book/references.md").read_text(), re.S)
    assert f"Version {cff['version']}," in entry
    assert cff["title"] == config["title"]
    assert f"{{{cff['title']}}}" in entry
    [author] = cff["authors"]
    assert author["name"] == config["author"]
    assert f"{{{{{author['name']}}}}}" in entry
    assert f"{{{cff['date-released'].year}}}" in entry


def test_one_version(cff):
    assert optlab.__version__ == cff["version"]
    assert version(NAME) == optlab.__version__, "install again: pip install --no-deps -e ."


def test_the_changelog_begins_with_the_release(cff):
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## \[([\d.]+)\] - (\S+)$", text, re.M)
    assert releases[0] == (cff["version"], str(cff["date-released"]))
    assert [date for _, date in releases] == sorted((d for _, d in releases), reverse=True)
