"""The key and the anchor of a site's journal."""

from loadlens.serving.settings import Settings
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.journal import Seal
from loadlens.serving.store.signing import SigningKeys


def open_seal(settings: Settings) -> Seal:
    """The key and the anchor where the settings have them."""
    return Seal(SigningKeys(settings.signing_key_file), Anchor(settings.anchor_file))
