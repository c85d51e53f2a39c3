"""The ways to cite the book agree with each other and with the package."""

import re
from importlib.metadata import version
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_citation_data_agree():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    [entry] = re.findall(r"```bibtex\n(.*?)```", (ROOT / "book/references.md").read_text(), re.S)
    assert cff["version"] == version("optlab")
    assert f"Version {cff['version']}," in entry
    assert cff["title"] == config["title"]
    assert f"{{{cff['title']}}}" in entry
    [author] = cff["authors"]
    assert author["name"] == config["author"]
    assert f"{{{{{author['name']}}}}}" in entry
    assert f"{{{cff['date-released'].year}}}" in entry
