"""Files that are there whole or not at all, and values as they stand in them; every room may import it, and it imports none."""
