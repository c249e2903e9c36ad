"""Lesson 10: what notebooks/10_evaluating.ipynb shows, checks and exhibits."""
