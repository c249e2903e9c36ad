"""Mathematics that needs no text: losses, Bradley-Terry, intervals. The equation stands beside its line."""
