"""The configuration database's XML, read so that it can do no harm.

A document type is refused: without one there are no entities to expand, and nothing is loaded from
elsewhere. The whole document is parsed at once, because older versions of Expat go over a long name
or value again with each further piece. Of all that it has, only what is wanted is kept.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

#: Most elements of the wanted kind in one document.
MOST_ELEMENTS: Final = 20_000
#: Elements may stand in each other this often.
MOST_DEPTH: Final = 32

#: Where what is wanted stands: the root has elements, and these have fields.
_ELEMENT, _FIELD = 2, 3


class UnreadableDocument(Exception):
    """It is not the XML that it should be; the text says why, and shows nothing of it."""


@dataclass(slots=True)
class Document:
    """What is wanted of a document.

    Attributes:
        elements: fields by name, of each element of the wanted kind below the root.
        next_page: where the list goes on; empty if it ends here.
    """

    elements: list[Mapping[str, str]] = field(default_factory=list)
    next_page: str = ""


def read_document(content: bytes, element: str, fields: Collection[str]) -> Document:
    """Reads the elements of one name below the root, and of these some children.

    Of several children with one name the first counts.

    Raises:
        UnreadableDocument: it is not well-formed, has a document type, or too many elements.
    """
    reader = _Reader(element, fields)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableDocument(f"it is no XML: {error}") from error
    return reader.document


class _Reader:
    def __init__(self, element: str, fields: Collection[str]) -> None:
        self.document = Document()
        self._element = element
        self._fields = fields
        self._path: list[str] = []
        self._read: dict[str, str] = {}
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > MOST_DEPTH:
            raise UnreadableDocument(f"more than {MOST_DEPTH} elements stand in each other")
        if self._path[1:] == ["meta", "link"] and attributes.get("rel") == "next":
            self.document.next_page = attributes.get("href", "")
        if len(self._path) == _ELEMENT:
            self._read = {}
        elif len(self._path) == _FIELD:
            self._text = []

    def text(self, text: str) -> None:
        if len(self._path) == _FIELD:
            self._text.append(text)

    def end(self, name: str) -> None:
        if len(self._path) == _FIELD and name in self._fields:
            self._read.setdefault(name, "".join(self._text))
        elif len(self._path) == _ELEMENT and name == self._element:
            if len(self.document.elements) == MOST_ELEMENTS:
                raise UnreadableDocument(f"it has more than {MOST_ELEMENTS} elements {name}")
            self.document.elements.append(self._read)
        self._path.pop()


def _refuse_document_type(*_: object) -> None:
    raise UnreadableDocument("it has a document type, which is refused")
