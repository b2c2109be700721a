"""For students and teachers: a quiz with a proper score, and the marking of answer sheets."""
