"""Question 6: three ways to a model most of whose weights are zero."""
