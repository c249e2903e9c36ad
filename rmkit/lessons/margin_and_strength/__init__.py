"""Lesson 05: what notebooks/05_margin_and_strength.ipynb shows, checks and exhibits."""
