"""An error in each attention layer of a network in turn."""

from collections.abc import Callable

import pytest
from torch import nn

from wordbrush.models.intercept import attention_modules


def fail_in_each_layer(network: nn.Module, run: Callable[[], object]) -> None:
    """Run with an error in each layer: it comes out as it is, and leaves no hook of ours on the layer."""
    for name, layer in attention_modules(network).items():

        def fail(*_: object, name: str = name) -> None:
            raise RuntimeError(name)

        hook = layer.register_forward_pre_hook(fail)
        with pytest.raises(RuntimeError, match=name):
            run()
        hook.remove()
        assert not layer._forward_pre_hooks
        assert not layer._forward_hooks
