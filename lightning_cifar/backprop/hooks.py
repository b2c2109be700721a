"""Who wants to be called by a layer or by a gradient: only PyTorch's own way reaches them."""

from torch import Tensor, nn
from torch.nn.modules import module as every_module

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def is_watched(layer: nn.Module) -> bool:
    """Whether somebody has hooks on a layer or has replaced its forward: a call of it is needed."""
    own = vars(layer)
    hooked = any(map(own.__getitem__, HOOKS)) or "forward" in own
    return hooked or bool(every_module._has_any_global_hook())  # type: ignore[no-untyped-call]


def holds_watched(layer: nn.Module | None) -> bool:
    """Whether a layer or one within it is watched."""
    # Not by ``modules``, which takes as long as a small batch; some names stand for no layer.
    if layer is None:
        return False
    return is_watched(layer) or any(map(holds_watched, layer._modules.values()))


def is_plain(network: nn.Module) -> bool:
    """Whether a network is what its layers are, one after another."""
    return isinstance(network, nn.Sequential) and type(network).forward is nn.Sequential.forward


def has_made_weights(network: nn.Module) -> bool:
    """Whether a layer's weights are made of others by a hook, as pruning does it."""
    values = (value for layer in network.modules() for value in vars(layer).values())
    return any(isinstance(value, Tensor) and not value.is_leaf for value in values)


def has_watched_gradient(parameter: Tensor) -> bool:
    """Whether somebody has hooks on a parameter, which autograd calls with its gradient."""
    return bool(parameter._backward_hooks or parameter._post_accumulate_grad_hooks)
