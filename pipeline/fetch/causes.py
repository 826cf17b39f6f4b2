"""What lies behind an error that a library raised."""

from collections.abc import Iterator


def what_was_said(error: Exception) -> str:
    """What the operating system said where it said something, else the error's own words or name."""
    said = next((e.strerror for e in causes(error) if isinstance(e, OSError) and e.strerror), None)
    return said or str(error) or type(error).__name__


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it came from, and what is in the groups among them."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from causes(member)
        error = error.__cause__ or error.__context__
