"""A frozen causal language model as a source of hidden states, through the optional extra `hf`.

Question and steps are tokenized one by one, each ended by the tokens of the separator, and their ids are joined behind
the beginning-of-sequence token, as TRL's PRMTrainer lays out its rows. A state therefore depends on nothing that comes
after its token.
"""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float16
from torch import Tensor, nn

from hrm_net.nn.layers import rms_norm
from hrm_net.reward.text.config import BackboneConfig
from puzzles.errors import UserError

INSTALL = 'pip install "hrm-net[hf]"'
KEY = "reward.text.backbone"
# Positions of a model whose configuration names no limit.
UNLIMITED = 10**6
SAMPLED = 1024  # values of each weight that go into the digest
Ids = tuple[int, ...]


def check_installed(what: str = f"{KEY}.path") -> None:
    """UserError, with the command that mends it, where a package of the extra `hf` is missing."""
    for name in ("transformers", "tokenizers", "accelerate"):
        if find_spec(name) is None:
            raise UserError(f"{what} needs {name}: {INSTALL}")


def state_size(config: BackboneConfig) -> int:
    """The width of the hidden states; UserError where the model cannot be found."""
    return _sizes(config).hidden_size


def check_layer_exists(config: BackboneConfig) -> None:
    """UserError where the model cannot be found, or has no such layer."""
    if config.on:
        check_layer(config.layer, _sizes(config).num_hidden_layers)


class Backbone:
    """A causal language model, its tokenizer, and the layer whose hidden states are read."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        *,
        layer: int | None = None,
        max_length: int | None = None,
        separator: str = "\n\n",
    ) -> None:
        """`model` is a transformers model without a head (`AutoModel`); the layers above `layer` are cut off it.

        UserError where the model is not causal, and for a layer or a length that it does not have.
        """
        sizes: Any = model.config
        sizes = sizes.get_text_config()
        self.source: BackboneConfig | None = None  # what `load` read; None for a model that was given
        self.layer = check_layer(layer, sizes.num_hidden_layers)
        most = getattr(sizes, "max_position_embeddings", None) or UNLIMITED
        if max_length is not None and max_length > most:
            raise UserError(f"{KEY}.max_length={max_length}: must be at most {most}, the model's positions")
        self.model, self.tokenizer, self.separator = model.eval().requires_grad_(False), tokenizer, separator
        self.size, self.max_length = sizes.hidden_size, max_length or most
        cut_layers(model, self.layer)
        check_causal(model, self.layer)
        self._tokenize = lru_cache(maxsize=1 << 16)(self._tokenize_text)
        self.separator_ids = self._tokenize(separator)
        if not self.separator_ids:
            raise UserError(f"{KEY}.step_separator={separator!r}: the tokenizer makes no token of it")

    @classmethod
    def load(cls, config: BackboneConfig, device: torch.device | str = "cpu") -> "Backbone":
        """The model that `config` names; UserError where it cannot be loaded."""
        check_installed()
        from transformers import AutoModel, AutoTokenizer

        check_layer_exists(config)
        assert config.path is not None
        source = {"revision": config.revision or "main", "gguf_file": config.gguf_file}
        try:
            with _quiet():
                tokenizer = AutoTokenizer.from_pretrained(config.path, **source)
                model = AutoModel.from_pretrained(config.path, dtype=getattr(torch, config.dtype), **source)
        except Exception as error:  # the library has many, for files, the network and the Hub
            raise _refusal(config.path, error) from None
        made = cls(
            model.to(device), tokenizer,
            layer=config.layer, max_length=config.max_length, separator=config.step_separator,
        )  # fmt: skip
        made.source = config
        return made

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.model.parameters()).device

    def digest(self) -> str:
        """A name for what the states are computed by: layer, number format, shapes and a sample of all weights."""
        found = blake2b(f"{self.layer}".encode(), digest_size=12)
        for name, tensor in sorted(self.model.state_dict().items()):
            found.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            values = tensor.detach().flatten()
            values = values[:: max(1, len(values) // SAMPLED)].cpu()
            found.update(values.contiguous().view(torch.uint8).numpy().tobytes())
        return found.hexdigest()

    def encode(self, question: str, steps: Sequence[str]) -> tuple[Ids, list[int]]:
        """The ids of question and steps, and where each step begins. UserError for more than `max_length` tokens."""
        first = self.tokenizer.bos_token_id
        ids: list[int] = [] if first is None else [first]
        ids += self._tokenize(question) + self.separator_ids
        starts = []
        for step in steps:
            starts.append(len(ids))
            ids += self._tokenize(step) + self.separator_ids
        if len(ids) > self.max_length:
            bound = f"must be at most {self.max_length} ({KEY}.max_length)"
            raise UserError(f"question {question[:40]!r} with {len(steps)} steps has {len(ids)} tokens: {bound}")
        return tuple(ids), starts

    def fits(self, question: str, steps: Sequence[str]) -> bool:
        """Whether question and steps have at most `max_length` tokens."""
        try:
            self.encode(question, steps)
        except UserError:
            return False
        return True

    def last_states(
        self, sequences: Iterable[Ids], length: int
    ) -> Iterator[tuple[Ids, Float16[np.ndarray, "token size"]]]:
        """Of each sequence, in another order, the states of its last `length` tokens, with a root mean square of 1.

        A sequence that begins another is read off the other's pass. What a sequence shares with the one before it is
        not computed again, as far as the model's cache of keys and values can be cut back.
        """
        ordered, run, ends = sorted(set(sequences)), _Run(self), []
        for i, ids in enumerate(ordered):
            ends.append(ids)
            if i + 1 < len(ordered) and ordered[i + 1][: len(ids)] == ids:
                continue
            states = run.states(ids)
            for one in ends:
                yield one, states[max(0, len(one) - length) : len(one)].copy()
            ends = []

    def _tokenize_text(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]


class _Run:
    """The states of one sequence after another, on one cache of keys and values."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        parameters = inspect.signature(backbone.model.forward).parameters
        self.cache_name = "cache" if "cache" in parameters else "past_key_values"
        self.cache: Any = None
        self.known: Ids = ()
        self.found = np.zeros((0, backbone.size), np.float16)

    def states(self, ids: Ids) -> Float16[np.ndarray, "token size"]:
        shared = next((i for i, pair in enumerate(zip(self.known, ids, strict=False)) if pair[0] != pair[1]), None)
        shared = min(len(self.known), len(ids) - 1) if shared is None else shared
        if self.cache is None or not getattr(self.cache, "is_croppable", False):
            shared, self.cache = 0, self._fresh_cache()
        elif shared < len(self.known):
            self.cache.crop(shared - len(self.known))
        new = self._forward(ids[shared:])
        self.found = np.concatenate([self.found[:shared], new])
        self.known = ids
        return self.found

    def _fresh_cache(self) -> Any:
        from transformers import DynamicCache

        config: Any = self.backbone.model.config
        return DynamicCache(config=config)

    @torch.no_grad()
    def _forward(self, ids: Ids) -> Float16[np.ndarray, "token size"]:
        tokens = torch.tensor([ids], device=self.backbone.device)
        states = hidden_states(
            self.backbone.model, self.backbone.layer, input_ids=tokens, use_cache=True, **{self.cache_name: self.cache}
        )
        return states[0].half().cpu().numpy()


def hidden_states(model: nn.Module, layer: int, **inputs: Any) -> Float[Tensor, "batch token size"]:
    """The states after a layer, in fp32, each divided by its root mean square: states of some layers are huge at a few
    places, and a half-precision number would not hold them."""
    states = model(**inputs, output_hidden_states=True).hidden_states[layer]
    return rms_norm(states.float())


def check_layer(layer: int | None, num: int) -> int:
    """The layer that is meant; UserError for one that the model does not have."""
    if layer is None:
        return max(1, round(2 * num / 3))
    if not 0 <= layer <= num:
        raise UserError(f"{KEY}.layer={layer}: must be at least 0 and at most {num}, the model's layers")
    return layer


def cut_layers(model: nn.Module, layer: int) -> None:
    """Cut off the layers that the states after `layer` do not depend on; one layer above it stays, because the states
    after the last layer are normalised. Models whose layers do not lie in one list are left as they are."""
    config: Any = model.config
    config = config.get_text_config()
    num = config.num_hidden_layers
    lists = [one for one in model.modules() if isinstance(one, nn.ModuleList) and len(one) == num]
    if layer + 1 >= num or len(lists) != 1:
        return
    del lists[0][layer + 1 :]
    config.num_hidden_layers = layer + 1
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[: layer + 1]


@torch.no_grad()
def check_causal(model: nn.Module, layer: int) -> None:
    """UserError where the state of a token depends on the token after it."""
    device = next(model.parameters()).device
    pair = torch.tensor([[1, 2], [1, 3]], device=device)
    first = hidden_states(model, layer, input_ids=pair)[:, 0]
    if not torch.allclose(first[0], first[1], rtol=1e-5, atol=1e-6):
        raise UserError(f"{KEY}.path: the model is not causal: a later token changes the states before it")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' report on the weights of the head, which is not read."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _sizes(config: BackboneConfig) -> Any:
    assert config.path is not None
    return _language_config(config.path, config.revision, config.gguf_file).get_text_config()


@cache
def _language_config(path: str, revision: str | None, gguf_file: str | None) -> Any:
    check_installed()
    from transformers import AutoConfig

    source = Path(path).expanduser()
    if gguf_file is not None and source.is_dir() and not (source / gguf_file).is_file():
        raise UserError(f"{KEY}.gguf_file={gguf_file}: no such file in {path}")
    try:
        config = AutoConfig.from_pretrained(path, revision=revision or "main", gguf_file=gguf_file)
    except Exception as error:
        raise _refusal(path, error) from None
    text = config.get_text_config()
    if not hasattr(text, "hidden_size") or not hasattr(text, "num_hidden_layers"):
        raise UserError(f"{KEY}.path={path}: holds a {config.model_type} model, which has no layers of hidden states")
    return config


def _refusal(path: str | None, error: Exception) -> UserError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    mend = f"; {INSTALL}" if isinstance(error, ImportError) else ""
    return UserError(f"{KEY}.path={path}: transformers cannot load it: {reason[:200]}{mend}")
