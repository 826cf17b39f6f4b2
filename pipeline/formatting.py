"""Counts and durations as people write them, for the terminal and for the report page."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: ``1 page``, ``1,200 pages``, ``2 retries``.

    ``plural`` is needed only if it is not the noun with an ``s``.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def duration(seconds: float) -> str:
    """Return a length of time at a useful precision: ``85 ms``, ``31.8 s``, ``12 min 5 s``, ``3 h 20 min``.

    Tenths of a second are shown below two minutes, minutes below two hours. A zero at the end is left out: ``2 min``.
    """
    if 0 < seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 119.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
