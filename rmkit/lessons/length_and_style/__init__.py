"""Lesson 12: what notebooks/12_length_and_style.ipynb shows, checks and exhibits."""
