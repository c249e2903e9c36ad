"""Lesson 07: what notebooks/07_k_wise.ipynb shows, checks and exhibits."""
