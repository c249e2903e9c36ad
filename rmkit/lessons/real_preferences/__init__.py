"""Lesson 15: what notebooks/15_real_preferences.ipynb shows, checks and exhibits."""
