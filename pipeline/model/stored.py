"""The outcome of storing a run."""

import msgspec


class Stored(msgspec.Struct, frozen=True):
    """The numbers of a run in the store.

    ``products`` came, of which ``new`` were never seen before; ``repriced`` have another price or currency than at
    their last time; ``removed`` are gone.
    """

    products: int
    new: int
    repriced: int
    removed: int
