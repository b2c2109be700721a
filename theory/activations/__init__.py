"""Question 4: which activation function when."""
