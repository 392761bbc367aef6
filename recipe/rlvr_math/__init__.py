"""Data, reward, evaluation and report for RLVR on mathematics."""
