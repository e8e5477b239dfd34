# SPDX-License-Identifier: MIT
"""Which tests share a process under `pytest -n N`, and in what order the processes take them.

The tests of a file stay together, so that what a file starts for all of its tests is started once. In
the files of APART that is little or nothing: there each function goes where there is room. What runs
longest comes first, so that no process is left with it at the end.
"""

from xdist.scheduler import LoadScopeScheduling

APART = ["test_canaries.py", "test_delivery_proxy.py", "test_doctor.py", "test_env_exec.py", "test_ledger.py",
         "test_limits.py", "test_memory_wiped.py", "test_overview.py", "test_page.py", "test_preload.py", "test_streams.py",
         "test_tls_reject.py"]

# by the time that they take; what is not named follows
LONGEST = ["test_package_install.py", "test_page.py::test_page", "test_testssl.py", "test_ledger.py::test_kill", "test_delivery.py",
           "test_memory_wiped.py",
           "test_clients_node.py", "test_postgres_commands.py", "test_clients_other.py", "test_vectors.py",
           "test_admin.py", "test_page.py::test_p", "test_overview.py::test_numbers",
           "test_delivery_proxy.py::test_no_request", "test_types.py", "test_tls_upstream.py", "test_rest.py",
           "test_name_constraints.py", "test_cli.py", "test_delivery_proxy.py", "test_limits.py"]


def group(test):
    """The name of what a test runs together with. test: as in file.py::function[case]."""
    file, function = test.split("[", 1)[0].rsplit("/", 1)[-1].split("::", 1)
    return f"{file}::{function}" if file in APART else file


def rank(name):
    return next((at for at, start in enumerate(LONGEST) if name.startswith(start)), len(LONGEST))


class Schedule(LoadScopeScheduling):
    def _split_scope(self, nodeid):
        return group(nodeid)

    def _assign_work_unit(self, node):
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        super()._assign_work_unit(node)
