"""`make gpu-acceptance`: does this project work on the machine at hand? One command, one table, one JSON file.

main.py        the command: the layers one after the other, the verdict
measures.py    what is measured, and which values are accepted on a GPU and on a CPU
part.py        how a part gets its options and hands on what it measures
report.py      the table and the JSON file
algorithms.py  layer a: the pure-torch algorithms; needs torch and PyYAML alone
updates.py     layer b: verl's actor update on fixed rollouts; needs verl and Ray, no vLLM
training.py    layer c: the demo's task trained with HTPO, DAPO and HAPO, killed and resumed; needs everything
decoding.py    layer c: what the adaptive temperature costs in a decode step of vLLM
"""
