"""What a teacher needs: student notebooks, the key, a guide, slides, and a grader."""
