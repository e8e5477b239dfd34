# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests, and their command line."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lib.client_table import ClientTable  # noqa: E402
from lib.pki import Authority  # noqa: E402
from lib.upstream import Origin  # noqa: E402
from lib.waybill import SHARED, Waybill, binary, is_sanitized  # noqa: E402

# fixtures that only some of the tests need
pytest_plugins = ["lib.delivery"]


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the full number of rounds and calls")
    parser.addoption(
        "--egress",
        action="store_true",
        help="also the vectors for which a careless proxy would try to leave the machine",
    )
    parser.addoption(
        "--write-client-table",
        action="store_true",
        help="write what real clients do to docs/clients.json and docs/clients.md",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "threads: worth a run under ThreadSanitizer")
    config.addinivalue_line("markers", "alone: needs the machine for itself, no other test beside it")
    if config.getoption("--write-client-table") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--write-client-table: one process writes the table, so without -n")
    if not binary().exists():
        raise pytest.UsageError(f"{binary()} is not there: build first, or set WAYBILL_BUILD")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from lib.schedule import Schedule

    return Schedule(config, log)


def stop_all(instances):
    """Stops every instance, then fails for the first that did not stop as it should."""
    errors = []
    for instance in instances:
        try:
            instance.stop()
        except AssertionError as error:
            errors.append(error)
        finally:
            instance.kill()
    if errors:
        raise errors[0]


@pytest.fixture(scope="session")
def long_run(request):
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def client_table(request):
    table = ClientTable(request.config.getoption("--write-client-table"))
    yield table
    table.close()


@pytest.fixture(scope="session")
def sanitized():
    return is_sanitized()


@pytest.fixture(scope="session")
def shared():
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not there (WAYBILL_SHARED names it)")
    return SHARED


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_context(authority):
    return authority.server_context()


@pytest.fixture(scope="module")
def origin(server_context):
    instance = Origin(server_context)
    yield instance
    instance.stop()


@pytest.fixture
def new_origin(server_context):
    """Makes origins that end with the test."""
    made = []

    def make(context=server_context, handler=None):
        made.append(Origin(context, handler))
        return made[-1]

    yield make
    for instance in made:
        instance.stop()


@pytest.fixture
def new_waybill(tmp_path, authority):
    """Makes instances that are stopped, and checked, with the test."""
    made = []

    def make(**config):
        folder = tmp_path / f"waybill{len(made)}"
        made.append(Waybill(folder, authority=authority, **config))
        return made[-1]

    yield make
    stop_all(made)


@pytest.fixture(scope="module")
def module_waybill(tmp_path_factory, authority):
    """Makes instances that are stopped, and checked, with the module."""
    made = []

    def make(**config):
        folder = tmp_path_factory.mktemp("waybill")
        made.append(Waybill(folder, authority=authority, **config))
        return made[-1]

    yield make
    stop_all(made)
