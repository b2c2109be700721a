"""Question 3: three advantages of SELU over ReLU."""
