"""What every lesson uses: widgets, live figures, theme, claims, the engines of checks and museum, doctor."""
