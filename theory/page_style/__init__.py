"""How a report looks: markup, colours, drawings, frame and style sheet, for pages of both wings.

Nothing here knows what a page is about, and nothing else of this repository is imported.
"""
