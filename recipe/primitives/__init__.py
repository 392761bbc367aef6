"""What more than one algorithm needs, in pure torch: range checks, entropy scores, group advantages, gradients by hand."""
