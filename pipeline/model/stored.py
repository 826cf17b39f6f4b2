"""The outcome of storing a run."""

import msgspec


class Stored(msgspec.Struct, frozen=True):
    """What a run wrote into the store ``place``, whose password is not shown.

    ``products`` came, of which ``new`` were never seen before; ``repriced`` have another price or currency than at
    their last time; ``removed`` are gone.
    """

    place: str
    products: int
    new: int
    repriced: int
    removed: int
