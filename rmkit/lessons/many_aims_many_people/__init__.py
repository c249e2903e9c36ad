"""Lesson 13: what notebooks/13_many_aims_many_people.ipynb shows, checks and exhibits."""
