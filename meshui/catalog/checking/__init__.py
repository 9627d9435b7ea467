"""Probes: the registry asks instances whether they are well.

``probe`` asks once, ``tally`` makes verdicts of answers, ``checker`` keeps at it for all instances.
"""
