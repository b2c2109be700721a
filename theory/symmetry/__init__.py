"""Question 1: all weights start at one value, drawn by He initialisation."""
