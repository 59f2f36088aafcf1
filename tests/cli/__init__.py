"""Tests of the `ams` command, which run it as a process of its own."""
