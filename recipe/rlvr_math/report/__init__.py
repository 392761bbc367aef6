"""From scored responses to tables, intervals, comparisons and the pass@k plot."""
