"""The claims of seven textbook answers, each settled by a small experiment."""
