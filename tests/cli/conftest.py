"""Tests of how runs end start and kill kernels by the dozen. On a machine that is busy one of them
fails now and then, for a reason that is not found yet: those are tried a second time."""

from _pytest.runner import runtestprotocol

TWICE = "test_run_ends.py"


def pytest_runtest_protocol(item, nextitem):
    if item.path.name != TWICE:
        return None
    place = {"nodeid": item.nodeid, "location": item.location}
    item.ihook.pytest_runtest_logstart(**place)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(**place)
    return True
