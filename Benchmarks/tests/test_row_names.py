import unittest

from harness.row_names import unknown_names

NAMES = ["http_noop_c32.process", "http_noop_c256.inprocess_alone", "http_noop_c32_p50.process", "cold_start"]


class RowNameTests(unittest.TestCase):
    def unknown(self, text, **options):
        return unknown_names(text, NAMES, **options)

    def test_names_and_their_beginnings_are_known(self):
        self.assertEqual(self.unknown("`http_noop_c32.process` `http_noop_c32` `cold_start`"), [])

    def test_a_row_that_does_not_exist_is_found(self):
        self.assertEqual(self.unknown("`http_noop_c33`, `cold_start.hummingbird`"),
                         ["http_noop_c33", "cold_start.hummingbird"])

    def test_a_part_of_a_number_is_no_beginning(self):
        self.assertEqual(self.unknown("`http_noop_c3`"), ["http_noop_c3"])

    def test_patterns_stand_for_numbers_and_anything(self):
        self.assertEqual(self.unknown("`http_noop_cN`, `http_noop_*`, `http_noop_cN.two_loops`"),
                         ["http_noop_cN.two_loops"])

    def test_suffixes_count_where_they_are_asked_for(self):
        text = "`_p50`, `..._alone`, `.process`, `.process2`, `_p99`, `.npy`"
        self.assertEqual(self.unknown(text), [])
        self.assertEqual(self.unknown(text, has_suffixes=True), [".process2", "_p99"])

    def test_other_words_and_code_are_left_alone(self):
        self.assertEqual(self.unknown("`huggingface_hub`, cold_start_x, `a b`\n```\n`cold_start_x`\n```\n"), [])
