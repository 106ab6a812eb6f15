"""Models of the Hugging Face Hub, through the optional extra `hub`."""

import re
from pathlib import Path

from puzzles.errors import UserError

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_hub_id(name: str | Path) -> bool:
    """Whether `name` has the form ORGANISATION/NAME and there is no directory of that name."""
    return isinstance(name, str) and HUB_ID.fullmatch(name) is not None and not Path(name).exists()


def download(repo: str, files: tuple[str, ...], revision: str | None = None) -> Path:
    """The local directory that holds `files` of the model `repo`; only these files are fetched, and only once.

    UserError where the extra is not installed, and for everything that the Hub refuses.
    """
    try:
        from huggingface_hub import hf_hub_download  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(
            f"{repo}: no such directory; to fetch it from the Hugging Face Hub: pip install 'hrm-net[hub]'"
        ) from None
    try:
        found = [Path(hf_hub_download(repo_id=repo, filename=file, revision=revision)) for file in files]
    except Exception as error:  # the library has dozens, for the network, the Hub and the disk
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{repo}: no such directory, and the Hugging Face Hub gives: {reason}") from None
    assert len({path.parent for path in found}) == 1
    return found[0].parent
