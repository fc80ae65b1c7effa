"""The table of hostile cases in docs/threat-model.md names tests that are there, and each of them names its row."""

import ast
import re

from conftest import TOP

ELSEWHERE = {"O35"} | {"O%d" % n for n in range(45, 51)}  # submission, HTTP, JMAP, HTML


def named():
    """(file, function) -> its text."""
    found = {}
    for path in (TOP / "tests" / "e2e").glob("test_hostile_*.py"):
        text = path.read_text()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                table = "".join(ast.get_source_segment(text, other) for other in ast.parse(text).body if isinstance(other, ast.Assign))
                found[path.stem.removeprefix("test_"), node.name.removeprefix("test_")] = ast.get_source_segment(text, node) + table
    return found


def test_each_row_has_tests_that_name_it():
    rows = re.findall(r"^\| (O\d\d) \|.*\| (.*) \|$", (TOP / "docs" / "threat-model.md").read_text(), re.M)
    assert {row for row, _ in rows} | ELSEWHERE == {"O%02d" % n for n in range(1, 51)}
    tests = named()
    for row, cell in rows:
        names = re.findall(r"`(\w+)::(\w+)`", cell)
        assert names, row
        for name in names:
            assert row in tests[name], (row, name)
