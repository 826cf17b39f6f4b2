"""The settings of the mocks."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from mockapi.behaviours import PAST_END, UNKNOWN_PARAMETERS
from mockapi.errors import ERRORS
from mockapi.faults import Fault
from mockapi.personas import NAMES, PERSONAS, usual_port
from mockapi.setup import Setup

# The possible values of the settings that choose a behaviour, besides empty.
CHOICES: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {"past_end": tuple(PAST_END), "unknown_parameters": tuple(UNKNOWN_PARAMETERS), "errors": tuple(ERRORS)}
)


class Settings(Setup, frozen=True, kw_only=True):
    """Settings that all personas share. Times are seconds.

    ``ports`` has one port for each served persona, in the order of ``NAMES``. If empty, the default ports are used; if
    all are 0, free ones. If only some of ``PERSONAS`` are served, it may have one for each of ``PERSONAS``.

    Raises:
        ValueError: if this cannot be served; the message names the reason.
    """

    error_rate: float = 0.0
    latency: float = 0.0
    faults: Sequence[Fault] = ()
    host: str = "127.0.0.1"
    ports: Sequence[int] = ()
    personas: Sequence[str] = PERSONAS

    def __post_init__(self) -> None:
        for field, table in CHOICES.items():
            if (chosen := getattr(self, field)) and chosen not in table:
                raise ValueError(f"{field} {chosen!r} is not one of {', '.join(table)}")
        unknown = set(self.personas) - set(NAMES)
        if unknown:
            raise ValueError(f"there is no persona {', '.join(sorted(unknown))}; the personas are {', '.join(NAMES)}")
        for fault in self.faults:
            if unable := [name for name in self.served if fault.is_for(name) and not fault.is_possible(name)]:
                raise ValueError(
                    f"{', '.join(unable)} cannot have a fault {fault.kind}; only {', '.join(fault.possible)} can"
                )
        if any(self.ports) and len(self.ports) not in (len(self.served), len(self._may_have_ports)):
            count, names = len(self.served), ", ".join(self.served)
            raise ValueError(
                f"{len(self.ports)} ports for {count} personas; {names} need {count} ports, or 0 for free ports"
            )

    @property
    def served(self) -> Sequence[str]:
        """Return the served personas, each once, in the order of ``NAMES``."""
        return [name for name in NAMES if name in self.personas]

    @property
    def listening(self) -> Mapping[str, int]:
        """Return the port of each served persona; 0 means a free one."""
        if not self.ports:
            return {name: usual_port(name) for name in self.served}
        if not any(self.ports):
            return dict.fromkeys(self.served, 0)
        owners = self.served if len(self.ports) == len(self.served) else self._may_have_ports
        return {name: port for name, port in zip(owners, self.ports, strict=True) if name in self.personas}

    @property
    def _may_have_ports(self) -> Sequence[str]:
        return PERSONAS if set(self.served) <= set(PERSONAS) else self.served
