"""Lesson 06: what notebooks/06_many_comparisons_per_prompt.ipynb shows, checks and exhibits."""
