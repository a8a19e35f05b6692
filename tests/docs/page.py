"""Pages of the documentation: their blocks of code, headings, links, and the names in them."""

import re
import textwrap
from pathlib import Path

from reader import ERROR

ROOT = Path(__file__).resolve().parents[2]

FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>.*?) -->\n)?(?P<indent> *)```(?P<kind>\w*).*?\n(?P<body>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
LINK = re.compile(r"!?\[(?:[^][]|\[[^][]*\])*\]\(([^()\s]+)\)")
TAKES = re.compile(r"<!-- takes (\w+) -->\n")
RECIPE = re.compile(r"^## (?=\d)", re.MULTILINE)
BASE = re.compile(r"goes on from\s+\[recipe\s+(\d+)\]")


class Block:
    """What is run, and the printed output with its place on the page."""

    def __init__(self, kind, code, line, reason):
        self.kind, self.code, self.line, self.reason = kind, code, line, reason
        self.printed = self.span = self.output = None

    def takes_output(self):
        """Whether what came out may be printed: where there is a place for it, and no error that was not printed before."""
        return self.span and (bool(ERROR.search(self.printed)) or not ERROR.search(self.output))


class Chapter:
    """Blocks that are run one after the other; of a recipe, its number and that of the one it goes on from, if any."""

    def __init__(self, page, start, end):
        text = page.text[start:end]
        self.page, self.title = page, text.partition("\n")[0]
        number = re.match(r"\d+", self.title)
        self.number = number and int(number[0])
        self.base = next((int(base) for base in BASE.findall(text)), None)
        self.blocks = []
        for match in FENCE.finditer(page.text, start, end):
            kind, body = match["kind"], textwrap.dedent(match["body"])
            if kind in ("sql", "sh"):
                line = page.text.count("\n", 0, match.start("body")) + 1
                self.blocks.append(Block(kind, body, line, match["reason"]))
            elif kind == "text" and self.blocks and self.blocks[-1].printed is None:
                self.blocks[-1].printed, self.blocks[-1].span = body, match.span("body")


class Page:
    """A file in Markdown."""

    def __init__(self, path):
        self.path, self.name = path, str(path.relative_to(ROOT))
        self.text = path.read_text(encoding="utf-8")
        self.prose = FENCE.sub("", self.text)
        takes = TAKES.match(self.text)
        self.takes = takes and takes[1]

    def recipes(self):
        """The chapters of a book of recipes; none of any other page."""
        starts = [match.end() for match in RECIPE.finditer(self.text)]
        return [Chapter(self, start, end) for start, end in zip(starts, [*starts[1:], len(self.text)])]

    def whole(self):
        """All of it as one chapter."""
        return Chapter(self, 0, len(self.text))

    def anchors(self):
        """What a link may name after `#`, as GitHub makes it of headings."""
        anchors = set()
        for heading in HEADING.findall(self.prose):
            text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).strip().lower()
            anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = sum(known == anchor or known.rpartition("-")[0] == anchor for known in anchors)
            anchors.add(f"{anchor}-{count}" if anchor in anchors else anchor)
        return anchors

    def links(self):
        """Addresses of links and pictures."""
        return LINK.findall(CODE.sub("", self.prose))

    def names(self):
        """What is set as code within the text."""
        return {match[2] for match in CODE.finditer(self.prose)}

    def update(self, blocks):
        """Prints what came out of some of its blocks."""
        for block in sorted((block for block in blocks if block.takes_output()), key=lambda block: block.span, reverse=True):
            start, end = block.span
            self.text = self.text[:start] + block.output + self.text[end:]
        self.path.write_text(self.text, encoding="utf-8")
