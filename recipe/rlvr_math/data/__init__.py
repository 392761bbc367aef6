"""From published data sets to the files that training and evaluation read."""
