"""Lesson 09: what notebooks/09_outcome_and_process.ipynb shows, checks and exhibits."""
