"""Question 2: biases that start at 0."""
