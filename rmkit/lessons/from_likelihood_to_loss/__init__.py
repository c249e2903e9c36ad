"""Lesson 02: what notebooks/02_from_likelihood_to_loss.ipynb shows, checks and exhibits."""
