"""Be the annotator: pairs are asked, votes are written one by one, a head says what it expects."""
