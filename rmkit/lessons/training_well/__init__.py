"""Lesson 04: what notebooks/04_training_well.ipynb shows, checks and exhibits."""
