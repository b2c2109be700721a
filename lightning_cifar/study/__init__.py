"""Variants compared over many seeds: what to run, how to run it, what may be said of it."""
