"""Question 5: what a momentum very close to 1 does to gradient descent."""
