"""What happens around a fit: rate search, early stopping, guards and records."""
