"""Lesson 11: what notebooks/11_over_optimization.ipynb shows, checks and exhibits."""
