"""Models of the Hugging Face Hub, through the optional extra `hub`.

The library's own `ModelHubMixin` would be a base class of every model, so that `import hrm_net` would need the library.
`Published` asks for it only when something is sent.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from puzzles.errors import UserError

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
INSTALL = "pip install 'hrm-net[hub]'"


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
        raise UserError(f"{repo}: no such directory; to fetch it from the Hugging Face Hub: {INSTALL}") from None
    try:
        found = [Path(hf_hub_download(repo_id=repo, filename=file, revision=revision)) for file in files]
    except Exception as error:  # the library has dozens, for the network, the Hub and the disk
        raise UserError(f"{repo}: no such directory, and the Hugging Face Hub gives: {_reason(error)}") from None
    assert len({path.parent for path in found}) == 1
    return found[0].parent


class Published:
    """What every model that is written by `save_pretrained` can do besides."""

    # Writes the files of the model, and a card that names it `source`.
    save_pretrained: Callable[..., None]

    def push_to_hub(
        self,
        repo: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        revision: str | None = None,
        message: str = "Upload model",
        **about: Any,
    ) -> str:
        """Send what `save_pretrained(directory, **about)` writes to the Hugging Face Hub; the address of the commit.

        `repo` is ORGANISATION/NAME. It is made where it does not exist, `private` or not (None: what is usual there).
        `token`: of the Hub; None: the one that `hf auth login` stored. `revision`: a branch that exists. A card
        that is there is replaced. UserError where the extra is not installed, for a name of another form, and for
        everything that the Hub refuses.
        """
        if HUB_ID.fullmatch(repo) is None:
            raise UserError(f"repo={repo}: must have the form ORGANISATION/NAME")
        try:
            from huggingface_hub import HfApi  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise UserError(f"repo={repo}: to send a model to the Hugging Face Hub: {INSTALL}") from None
        with tempfile.TemporaryDirectory() as directory:
            self.save_pretrained(directory, source=repo, **about)
            try:
                api = HfApi(token=token)
                api.create_repo(repo_id=repo, repo_type="model", private=private, exist_ok=True)
                commit = api.upload_folder(
                    repo_id=repo, repo_type="model", folder_path=directory, revision=revision, commit_message=message
                )
            except Exception as error:
                raise UserError(f"repo={repo}: the Hugging Face Hub gives: {_reason(error)}") from None
        return str(commit.commit_url)


def _reason(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
