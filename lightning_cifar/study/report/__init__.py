"""A study as a page and as Markdown: questions, answers, figures, rebuilt from its files alone."""
