"""The workflows: pinned actions, least permissions, failures that are seen."""

import re
from pathlib import Path

import pytest
import yaml

FILES = sorted((Path(__file__).parents[2] / ".github/workflows").glob("*.yml"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def workflow(request):
    return request.param


def test_actions_are_pinned_to_a_commit_that_names_its_version(workflow):
    uses = [line for line in workflow.read_text().splitlines() if re.search(r"\buses:", line)]
    assert uses
    for line in uses:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_a_job_may_write_only_what_it_must(workflow):
    file = yaml.safe_load(workflow.read_text())
    assert file["permissions"] == {"contents": "read"}
    may_write = {
        name: sorted(k for k, v in job["permissions"].items() if v == "write")
        for name, job in file["jobs"].items()
        if "permissions" in job
    }
    allowed = {
        "publish": ["id-token", "pages"],
        "colab": ["contents"],  # to push its branch; no checkout, no code of ours
        "report": ["issues"],
    }
    assert may_write.items() <= allowed.items()
    for job in file["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_a_failing_command_fails_the_job(workflow):
    file = yaml.safe_load(workflow.read_text())
    assert file["defaults"]["run"]["shell"] == "bash -euo pipefail {0}"


def test_no_text_of_a_visitor_reaches_a_shell(workflow):
    file = yaml.safe_load(workflow.read_text())
    scripts = [s["run"] for job in file["jobs"].values() for s in job["steps"] if "run" in s]
    assert scripts
    assert not [s for s in scripts if "${{" in s]
