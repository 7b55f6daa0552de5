"""Tests of the harness: statistics, tables and configurations. They run no benchmark."""
