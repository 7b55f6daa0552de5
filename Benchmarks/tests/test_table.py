import json
import shutil
import tempfile
import unittest
from pathlib import Path

import table
from harness.peers import NAMES as PEER_NAMES
from harness.processes import ROOT, Failure
from harness.readme import BEGIN, END, amount, replaced, tables
from harness.readme_lines import PENDING, Line
from run import GROUPS
from tests.rows import row

RESULTS, HEADER = "Benchmarks/results.json", "Benchmarks/harness/results-header.md"
COPIED = ["README.md", "docs", RESULTS, "Benchmarks/results.md", "Benchmarks/thresholds.json", HEADER]


class CheckTests(unittest.TestCase):
    """The check on a copy of the checkout, which one thing is changed in."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in COPIED:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, self.root / name)
        table.main(["--write"], self.root)

    def check(self):
        table.main(["--check"], self.root)

    def change(self, name, old, new):
        path = self.root / name
        self.assertIn(old, path.read_text())
        path.write_text(path.read_text().replace(old, new, 1))

    def assert_fails(self, message):
        with self.assertRaises(Failure) as caught:
            self.check()
        self.assertIn(message, str(caught.exception))

    def drop(self, name):
        path = self.root / RESULTS
        path.write_text(json.dumps([each for each in json.loads(path.read_text()) if each["name"] != name]))

    def test_what_was_written_passes(self):
        self.check()

    def test_a_number_altered_in_the_readme_fails(self):
        value = next(each["value"] for each in json.loads((self.root / RESULTS).read_text())
                     if each["name"] == "http_noop_c32.process")
        self.change("README.md", f"{value:,} requests/s", f"{value + 1:,} requests/s")
        self.assert_fails("the table in README.md differs from Benchmarks/results.json; write it again with")

    def test_new_results_fail_until_the_tables_are_written(self):
        self.change(RESULTS, '"measured": "', '"measured": "another day, ')
        self.assert_fails("Benchmarks/results.md differs")
        table.main(["--write"], self.root)
        self.check()

    def test_a_marker_that_is_missing_fails(self):
        self.change("README.md", END, "")
        self.assert_fails("README.md lacks the line")

    def test_a_row_of_the_readme_that_was_not_measured_fails(self):
        self.drop("idle_pss")
        self.assert_fails("`idle_pss` is not in results.json: remove its line, or measure it")
        with self.assertRaises(Failure):
            table.main(["--write"], self.root)

    def test_a_row_that_prose_names_and_nobody_measures_fails(self):
        for name, word in (("README.md", "http_noop_c33"), ("docs/GRAPHS.md", "graph_fan9"), (HEADER, "_p98")):
            (self.root / name).write_text((self.root / name).read_text() + f"\n`{word}`\n")
            self.assert_fails(f"{name}: `{word}` is not in results.json")

    def test_a_threshold_of_a_row_that_nobody_measures_fails(self):
        self.change("Benchmarks/thresholds.json", "allocations.front", "allocations.back")
        self.assert_fails("Benchmarks/thresholds.json: `allocations.back` is not in results.json")


class TableTests(unittest.TestCase):
    rows = [row("a", "us", [(652, 38.23), (652, 38.23)], "a -> b"), row("b", "req/s", [(1, None)])]

    def test_a_line_has_value_baseline_ratio_and_verdict(self):
        text = tables(self.rows, {"Swerve": [Line("a", "a call")]})
        self.assertIn("| a call | 652 µs | 38.2 µs: a → b | 17.05 (17.05 to 17.05) | worse |\n", text)

    def test_a_line_can_have_its_own_words_for_the_baseline(self):
        self.assertIn("38.2 µs: nothing |", tables(self.rows, {"Swerve": [Line("a", "a call", "nothing")]}))

    def test_all_lines_that_do_not_fit_are_named_at_once(self):
        lines = [Line("b", "alone"), Line("c", "missing"), Line("a", "there")]
        with self.assertRaises(Failure) as caught:
            tables(self.rows, {"Swerve": lines}, pending={"a"})
        for message in ("`b` has no baseline", "`c` is not in results.json", "`a` is in results.json now"):
            self.assertIn(message, str(caught.exception))

    def test_a_pending_line_is_left_out(self):
        lines = [Line("a", "a call"), Line("c", "missing")]
        self.assertNotIn("missing", tables(self.rows, {"Swerve": lines}, pending={"c"}))

    def test_pending_rows_are_measured(self):
        measured = {name for groups in GROUPS.values() for _, _, names in groups for name in names}
        self.assertLessEqual(PENDING, measured | {*PEER_NAMES})

    def test_amounts_have_three_digits(self):
        self.assertEqual([amount(number, "ms") for number in (0.4912, 7.632, 87.0, 999.4, 68641)],
                         ["0.491 ms", "7.63 ms", "87 ms", "999 ms", "68,641 ms"])

    def test_only_what_is_between_the_markers_is_replaced(self):
        self.assertEqual(replaced(f"a\n{BEGIN}\nold\n{END}\nz\n", "new\n"), f"a\n{BEGIN}\nnew\n{END}\nz\n")
