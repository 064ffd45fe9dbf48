"""Where the key and the anchor of a site's journal lie."""

from loadlens.serving.settings import Settings
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.journal import Seal
from loadlens.serving.store.signing import SigningKeys


def open_seal(settings: Settings) -> Seal:
    """The key and the anchor that the settings name, else those in the data folder."""
    return Seal(
        SigningKeys(settings.signing_key or settings.data / "signing.key"),
        Anchor(settings.anchor or settings.data / "journal.anchor"),
    )
