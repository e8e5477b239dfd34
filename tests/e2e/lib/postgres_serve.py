# SPDX-License-Identifier: MIT
"""A private PostgreSQL for a program that is no test: bench/delivery.

    python3 tests/e2e/lib/postgres_serve.py     prints a URL; everything is gone when stdin ends

The database has the table, and commits reach the disk as on a server that matters.
"""

import pathlib
import sys

E2E = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(E2E))

from lib.postgres import Postgres  # noqa: E402

MIGRATIONS = sorted((E2E.parents[1] / "sql" / "migrations").glob("*.sql"))


def main():
    with Postgres(fsync="on", shared_buffers="256MB", max_wal_size="4GB") as server:
        url = server.create_database("bench")
        for path in MIGRATIONS:
            server.query(path.read_text(), dbname="bench")
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
