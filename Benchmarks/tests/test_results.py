import unittest

from harness.report import report
from harness.results import merged
from tests.rows import row


def names(rows):
    return [each["name"] for each in rows]


class MergeTests(unittest.TestCase):
    old = [row(name, "ms", [(1, 1)]) for name in ("segformer_b0_http", "idle_pss", "gone", "peers.ray")]

    def test_a_part_keeps_all_other_rows_in_their_places(self):
        new = [row("idle_pss", "ms", [(2, 1)]), row("added", "ms", [(3, 1)])]
        rows = merged(self.old, new, is_whole=False)
        self.assertEqual(names(rows), ["segformer_b0_http", "idle_pss", "gone", "peers.ray", "added"])
        self.assertEqual(rows[1]["value"], 2)

    def test_a_whole_run_drops_what_it_no_longer_measures(self):
        new = [row("idle_pss", "ms", [(2, 1)]), row("segformer_b0_http.runs2", "ms", [(3, 1)])]
        self.assertEqual(names(merged(self.old, new, is_whole=True)),
                         ["peers.ray", "idle_pss", "segformer_b0_http.runs2"])

    def test_a_whole_run_without_a_model_keeps_the_rows_of_the_model(self):
        self.assertEqual(names(merged(self.old, [row("idle_pss", "ms", [(2, 1)])], is_whole=True)),
                         ["segformer_b0_http", "peers.ray", "idle_pss"])


class ReportTests(unittest.TestCase):
    def line_of(self, *arguments, thresholds={}):
        return report("# Header\n", [row(*arguments)], thresholds).splitlines()[-1]

    def test_every_median_has_its_quartiles(self):
        self.assertEqual(
            self.line_of("a", "req/s", [(10, 5), (20, 10), (30, 10)]),
            "| `a` | 20 (15.0 to 25.0) | req/s | 10 (7.5 to 10.0) | nginx -> nginx | 2.0 (2.0 to 2.5) | better |")

    def test_a_row_without_baseline_has_no_blank_cells(self):
        self.assertEqual(self.line_of("a", "us", [(1, None), (1, None), (1, None)]),
                         "| `a` | 1 (1.0 to 1.0) | us | — | no baseline | — | — |")

    def test_a_threshold_stands_in_for_a_baseline(self):
        self.assertIn("| threshold: 3 |", self.line_of("a", "us", [(1, None)], thresholds={"a": 3}))
