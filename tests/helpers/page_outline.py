"""Reading a page in tests: its elements, its text, whether it is well formed."""

from html.parser import HTMLParser


class Outline(HTMLParser):
    """What a browser would see: elements with their attributes, and the text between them."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.unclosed: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed, f"</{tag}> closes nothing"
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def attributes(self, name: str) -> list[str]:
        return [str(found[name]) for _, found in self.elements if name in found]


def assert_well_formed(markup: str) -> None:
    assert Outline(markup).unclosed == []


def plain(words: str) -> str:
    for sign, typed in (("\N{NO-BREAK SPACE}", " "), ("\N{MINUS SIGN}", "-")):
        words = words.replace(sign, typed)
    return words.replace("\N{MULTIPLICATION SIGN}", "x")
