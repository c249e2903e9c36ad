"""Lesson 01: what notebooks/01_bradley_terry.ipynb shows, checks and exhibits."""
