"""From files as people have them to groups: formats, cleaning, the ledger that counts every row."""
