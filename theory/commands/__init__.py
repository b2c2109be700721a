"""The commands of ``theory``, one module each: what it computes, and how it prints it."""
