"""How sure a classifier is: Monte Carlo dropout, its measures, and a cheap rival of it."""
