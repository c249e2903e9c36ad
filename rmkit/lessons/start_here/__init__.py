"""Lesson 00: what notebooks/00_start_here.ipynb shows, checks and exhibits."""
