"""The theory questions on the exercise's own network and real images; see ``__main__``."""
