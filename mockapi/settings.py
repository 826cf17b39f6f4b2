"""How the mocks are set up."""

from collections.abc import Mapping, Sequence

from mockapi.faults import Fault
from mockapi.personas import NAMES, PERSONAS, usual_port
from mockapi.setup import Setup


class Settings(Setup, frozen=True, kw_only=True):
    """What all personas share. Times are seconds.

    ``ports`` has one port for each persona that is served, in the order of ``NAMES``; none at all are the usual ones,
    and nothing but 0, however often, is free ones. Where only some of ``PERSONAS`` are served, it may have one for each
    of these.

    Raises:
        ValueError: when this cannot be served; says why.
    """

    error_rate: float = 0.0
    latency: float = 0.0
    faults: Sequence[Fault] = ()
    host: str = "127.0.0.1"
    ports: Sequence[int] = ()
    personas: Sequence[str] = PERSONAS

    def __post_init__(self) -> None:
        unknown = set(self.personas) - set(NAMES)
        if unknown:
            raise ValueError(f"there is no persona {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
        for fault in self.faults:
            if unable := [name for name in self.served if fault.is_for(name) and not fault.is_possible(name)]:
                raise ValueError(
                    f"{', '.join(unable)} cannot have a fault {fault.kind}: only {', '.join(PERSONAS)} can"
                )
        if any(self.ports) and len(self.ports) not in (len(self.served), len(self._may_have_ports)):
            count, names = len(self.served), ", ".join(self.served)
            raise ValueError(
                f"{len(self.ports)} ports, but {count} personas: {names} need {count} ports, or 0 for free ones"
            )

    @property
    def served(self) -> Sequence[str]:
        """The personas that are served, each once, in their order."""
        return [name for name in NAMES if name in self.personas]

    @property
    def listening(self) -> Mapping[str, int]:
        """The port of each persona that is served; 0 takes a free one."""
        if not self.ports:
            return {name: usual_port(name) for name in self.served}
        if not any(self.ports):
            return dict.fromkeys(self.served, 0)
        owners = self.served if len(self.ports) == len(self.served) else self._may_have_ports
        return {name: port for name, port in zip(owners, self.ports, strict=True) if name in self.personas}

    @property
    def _may_have_ports(self) -> Sequence[str]:
        return PERSONAS if set(self.served) <= set(PERSONAS) else self.served
