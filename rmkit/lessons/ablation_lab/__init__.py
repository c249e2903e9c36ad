"""Lesson 14: what notebooks/14_ablation_lab.ipynb shows, checks and exhibits."""
