"""Lesson 03: what notebooks/03_a_reward_model_from_scratch.ipynb shows, checks and exhibits."""
