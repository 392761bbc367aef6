"""Does it work? A miniature study; see README.md."""
