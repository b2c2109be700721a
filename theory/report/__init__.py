"""The report: one page that shows every claim with its evidence, its figure and its command."""
