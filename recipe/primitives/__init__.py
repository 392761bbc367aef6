"""What more than one algorithm needs, in pure torch.

entropy_score.py    the score of HAPO and of adaptive temperatures, and the statistics behind it
group_advantage.py  GRPO's baseline
ragged.py           rows of different lengths without padding; ranks.py: values by their rank
slope.py            a loss whose derivative is known, without a graph; masks.py: bool masks as numbers
active.py           the tokens on which a method's loss is not DAPO's
finite.py           entropies must be finite; host.py: whether looking at a tensor waits for a device
ranges.py           checks of settings
"""
