"""The reference: no public name is missing from its pages."""

import inspect

import pytest

import optlab

ROOMS = [name for name in optlab.__all__ if inspect.ismodule(getattr(optlab, name))]


def public(room):
    return [n for n in getattr(room, "__all__", []) if not inspect.ismodule(getattr(room, n))]


@pytest.fixture(scope="session")
def entries(pages):
    """Everything that has an entry, by its full name."""
    return {
        tag["id"]
        for name, page in pages.items()
        if name.startswith("book/api/")
        for tag in page.select("dt.sig[id]")
    }


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_an_entry(entries, room):
    names = public(getattr(optlab, room))
    missing = [n for n in names if not {f"optlab.{room}.{n}", f"optlab.{n}"} & entries]
    assert not missing, f"list them on a page in book/api: {', '.join(missing)}"


def test_operations_and_commands_have_entries(entries, pages):
    assert {"optlab.ops.sqrt", "optlab.Adam", "optlab.online.bounds.AMSGrad"} <= entries
    commands = pages["book/api/command-line.html"].get_text()
    assert "optlab run" in commands
    assert "--batch-size" in commands


def test_the_rule_of_an_optimizer_has_no_entry_of_its_own(entries):
    assert not {f"optlab.{name}.of" for name in optlab.optim.OPTIMIZERS} & entries
