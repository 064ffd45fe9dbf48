"""A container's identity, list and code must say the same."""

from loadlens.waste.codes import CodeError, WasteCode, code_list
from loadlens.waste.identity import IdentityError, parse_identity


class ContainerError(ValueError):
    """A container whose identity, list and code do not go together."""


def checked_code(identity: str, list_id: str, code: str) -> WasteCode:
    """The entry of a container's code, which its identity must name too. Raises ContainerError."""
    try:
        _, said = parse_identity(identity)
        entry = code_list(list_id).find(code)
    except (IdentityError, CodeError) as error:
        raise ContainerError(str(error)) from None
    if said.code != entry.code:
        raise ContainerError(f"the identity {identity} is of code {said.code}, not {entry.code}")
    return entry
