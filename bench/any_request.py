"""Requests of every kind that the OpenAPI document allows, and of many that it does not, to every route of a server.

    python bench/any_request.py [--examples 200] [--role manager --role admin …]

A real server is asked by schemathesis with a key of each role in turn. An answer of 500 or above, and one whose
status, type or shape the document does not name, is a fault; they are printed with a curl line each. Ends with 1 where
there was one. Live events (/v1/events) are left out: that answer does not end.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from server_under_test import ServerUnderTest

ROLES = ("manager", "admin", "camera", "inspector", "auditor")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def ask(server: ServerUnderTest, key: str, examples: int, seed: int) -> int:
    """Ask every route with this key; returns the exit code of schemathesis."""
    command = [
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *("run", f"{server.address}/openapi.json", "--header", f"Authorization: Bearer {key}"),
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--exclude-path", "/v1/events"),
        *("--max-examples", str(examples), "--seed", str(seed), "--generation-database", "none"),
        *("--continue-on-failure", "--request-timeout", "120", "--no-color", "--warnings", "off", "--no-shrink"),
    ]
    return subprocess.run(command, cwd=server.folder, check=False).returncode  # it leaves its notes there


def main() -> int:
    """Ask with every role."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--examples", type=int, default=200, help="of the fuzzing phase, for each route")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--role", action="append", choices=ROLES, help="once or several times; default: all")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, ServerUnderTest(Path(folder)) as server:
        codes = {
            role: ask(server, server.add_key(role), asked.examples, asked.seed) for role in asked.role or list(ROLES)
        }
        answers = server.ask("GET", "/healthz", 200)
    print(f"asked as {', '.join(codes)}; faults with {', '.join(r for r, c in codes.items() if c) or 'none'}")
    return int(any(codes.values()) or answers.json() != {"status": "ok"})


if __name__ == "__main__":
    sys.exit(main())
