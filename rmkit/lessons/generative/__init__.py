"""Lesson 08: what notebooks/08_generative.ipynb shows, checks and exhibits."""
