import unittest

from harness.comparison import Quartiles, baselines, ratios, rounded, values, verdict
from tests.rows import row


class QuartilesTests(unittest.TestCase):
    def test_five_numbers(self):
        self.assertEqual(Quartiles.of([5, 1, 4, 2, 3]), Quartiles(2, 3, 4))

    def test_two_numbers_are_interpolated(self):
        self.assertEqual(Quartiles.of([1, 2]), Quartiles(1.25, 1.5, 1.75))

    def test_one_number_is_all_three(self):
        self.assertEqual(Quartiles.of([7]), Quartiles(7, 7, 7))

    def test_text_has_the_median_first(self):
        self.assertEqual(str(Quartiles(2, 3, 4)), "3 (2 to 4)")

    def test_rounding_keeps_four_digits(self):
        self.assertEqual([rounded(number) for number in (0.123456, 12.3456, 1234.56)], [0.1235, 12.35, 1235])


class RowTests(unittest.TestCase):
    def test_spreads_of_value_baseline_and_ratio_are_their_own(self):
        each = row("a", "req/s", [(10, 5), (20, 20), (30, 10)])
        self.assertEqual(values(each), Quartiles(15, 20, 25))
        self.assertEqual(baselines(each), Quartiles(7.5, 10, 15))
        self.assertEqual(ratios(each), Quartiles(1.5, 2, 2.5))

    def test_a_row_without_baseline_has_no_ratio_and_no_verdict(self):
        each = row("a", "us", [(10, None), (20, None)])
        self.assertIsNone(baselines(each))
        self.assertIsNone(ratios(each))
        self.assertEqual(verdict(each), "")


class VerdictTests(unittest.TestCase):
    def verdict_of(self, unit, ratios):
        return verdict(row("a", unit, [(ratio, 1) for ratio in ratios]))

    def test_more_is_better_for_rates(self):
        self.assertEqual(self.verdict_of("req/s", [1.1, 1.2, 1.3]), "better")
        self.assertEqual(self.verdict_of("images/s", [0.7, 0.8, 0.9]), "worse")

    def test_less_is_better_for_times_and_sizes(self):
        self.assertEqual(self.verdict_of("us", [0.7, 0.8, 0.9]), "better")
        self.assertEqual(self.verdict_of("MB", [1.1, 1.2, 1.3]), "worse")

    def test_quartiles_on_both_sides_of_one_are_the_same(self):
        self.assertEqual(self.verdict_of("req/s", [0.9, 1.2, 1.3, 1.3, 0.9]), "same")

    def test_a_quartile_of_one_is_the_same(self):
        self.assertEqual(self.verdict_of("req/s", [1.0, 1.0, 1.2, 1.3, 1.4]), "same")

    def test_an_outlier_beyond_the_quartiles_does_not_count(self):
        self.assertEqual(self.verdict_of("req/s", [0.5, 1.1, 1.2, 1.3, 1.4]), "better")

    def test_the_verdict_fits_the_rounded_quartiles(self):
        self.assertEqual(self.verdict_of("req/s", [1.00001, 1.00002, 1.00003]), "same")
