"""What the book itself says, in its editions' own answers and chapters, as claims of its own."""
