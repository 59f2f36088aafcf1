"""Tests of AMS, against real parts."""
