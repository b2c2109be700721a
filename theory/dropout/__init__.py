"""Question 7: what dropout and Monte Carlo dropout cost in training and in prediction."""
