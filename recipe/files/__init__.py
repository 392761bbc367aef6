"""Files that are there whole or not at all; every room may import it, and it imports none."""
