"""A page as its reader gets it: text, links, headings, read with the parser of the standard library."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
_VOID = {"meta", "link", "img", "input", "br", "rect"}


class Page(HTMLParser):
    """What an answer's HTML holds. ``tags`` are all elements with their attributes, in order."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(convert_charrefs=True)
        self.status = response.status_code
        self.headers = response.headers
        self.raw = response.text
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.problems: list[str] = []
        self._open: list[str] = []
        self._words: list[str] = []
        assert response.headers["content-type"] == "text/html; charset=utf-8", response.text
        self.feed(response.text)
        self.close()
        self.problems += [f"<{tag}> is never closed" for tag in self._open]

    @property
    def text(self) -> str:
        """The words of the page, one space between them."""
        return " ".join(" ".join(self._words).split())

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return [attributes["href"] for tag, attributes in self.tags if tag == "a"]

    def link(self, ending: str) -> str:
        """The first link whose address ends so."""
        return next(link for link in self.links if link.endswith(ending))

    def next_page(self) -> str | None:
        """Where the link to the next page leads, None on the last."""
        found = [
            attributes["href"] for tag, attributes in self.tags if tag == "a" and attributes.get("class") == "next"
        ]
        return found[0] if found else None

    def count(self, tag: str) -> int:
        """How many elements of a kind there are."""
        return sum(1 for name, _ in self.tags if name == tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self._words.append(data)


class Visitor:
    """A browser without a screen: keeps cookies, follows no redirect, sends forms with the origin of the hub."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, headers=BROWSER, trust_env=False, timeout=60)
        if token is not None:
            assert self.sign_in(token).status_code == 303

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *exc: object) -> None:
        self.http.close()

    def get(self, path: str) -> httpx.Response:
        """The answer as it is."""
        return self.http.get(path)

    def read(self, path: str, status: int = 200) -> Page:
        """The page at ``path``, which must be whole and answer with ``status``."""
        page = Page(self.get(path))
        assert page.status == status, page.text
        assert page.problems == []
        return page

    def post(self, path: str, fields: dict[str, str], origin: str | None = "") -> httpx.Response:
        """Send a form; ``origin`` None: without saying where it comes from."""
        headers = {} if origin is None else {"Origin": origin or self.url}
        return self.http.post(path, data=fields, headers=headers)

    def sign_in(self, token: str, next_path: str = "/") -> httpx.Response:
        """Fill in the form of ``/-/sign-in``."""
        return self.post("/-/sign-in", {"token": token, "next": next_path})
