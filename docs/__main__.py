"""Update all documents: ``python -m docs``."""

from docs.documents import made

if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
