"""A hostile campaign: kills, readers beside writers, damage, hostile input, threads and processes.

`python -m tests.campaign --seed 7 --minutes 10` runs it; `--replay kills:7:31` runs one case again.
Every case runs in a process of its own with limits of time and memory, so none can hang the rest.
"""
