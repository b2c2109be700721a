"""NAdam over one flat buffer, for one network or for a stack of networks with a rate each.

The matrices of a single network may take Muon's steps instead (``muon_update.py``).

PyTorch's NAdam walks over the parameters and makes seven small operations for each of them; a
network of 20 narrow layers spends its time on the calls. Here the parameters of a group are views
into one tensor (members, elements), so that a step is two passes over memory, whatever the depth.
"""

from collections.abc import Callable, Iterable
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer, optimizer

from lightning_cifar.optim import muon_update
from lightning_cifar.optim.flat_parameters import FlatGroup
from lightning_cifar.optim.nadam_update import next_coefficients, update


@final
class FlatNAdam(Optimizer):
    """NAdam (Dozat 2016) with the arithmetic of ``torch.optim.NAdam`` in few passes over memory.

    parameters: as for every optimiser; each group has one dtype and one device. A group with
    ``"orthogonal": True`` holds matrices, which take steps of Muon (Jordan 2024) in place of NAdam.
    lr: the learning rate; schedulers may change ``group["lr"]``.
    rates: (members,) factors of ``lr``, one for each member of a stack; every parameter then has
    a leading dimension of that length. None for a single network.
    Raises: ValueError for parameters that do not fit the group; RuntimeError in ``step`` for a
    parameter without a gradient.
    """

    _buffers: dict[int, FlatGroup]  # by the id of a group's first parameter

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        momentum_decay: float = 4e-3,
        *,
        rates: Tensor | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "momentum_decay": momentum_decay,
            "rates": rates,
            "orthogonal": False,
        }
        super().__init__(parameters, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Flatten one more group's parameters and begin with zero moments."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        check_group(group)
        if group["rates"] is not None:
            # On the CPU: a step reads them as numbers, and must not wait for a GPU.
            group["rates"] = group["rates"].to("cpu", torch.float64, copy=True)
        weights = self._flat(group).weights
        # The whole group's state hangs on its first parameter, where PyTorch saves and loads it.
        state: dict[str, Any] = {"exp_avg": torch.zeros_like(weights)}
        if not group["orthogonal"]:
            state |= {"step": 0, "mu_product": 1.0, "exp_avg_sq": torch.zeros_like(weights)}
        self.state[group["params"][0]] = state

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one step from the gradients; returns what ``closure`` returned, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if any(parameter.grad is not None for parameter in group["params"]):
                self._step(group)
        return loss

    def step_attached(self) -> None:
        """Make one step from gradients that were written since ``attach_gradients``.

        The same as ``step``, but it looks nothing up, and PyTorch makes no record of it for a
        profiler. Where somebody has hooks on steps it is ``step``.
        """
        if watched(self):
            self.step()
            return
        self._opt_called = True  # what a scheduler of PyTorch looks for before its own first step
        for group in self.param_groups:
            self._make_step(group, self._buffers[id(group["params"][0])])

    def _step(self, group: dict[str, Any]) -> None:
        flat = self._flat(group)
        flat.gathered(group["params"])
        self._make_step(group, flat)

    def _make_step(self, group: dict[str, Any], flat: FlatGroup) -> None:
        state = self.state[group["params"][0]]
        if group["orthogonal"]:
            direction = muon_update.direction(flat.gradient, state["exp_avg"])
            muon_update.update(flat.parts(flat.weights), flat.parts(direction), group["lr"])
            return
        coefficients = next_coefficients(group, state)
        rates = [1.0] if group["rates"] is None else group["rates"].tolist()
        rates = [group["lr"] * rate for rate in rates]
        update(flat, state["exp_avg"], state["exp_avg_sq"], rates, group["betas"], coefficients)

    def attach_gradients(self) -> None:
        """Let the parameters' gradients be views into the buffers from which a step is made.

        For a backward pass that writes its gradients; autograd's would be added to.
        """
        for group in self.param_groups:
            self._flat(group).attach_gradients(group["params"])

    def gradients(self) -> list[Tensor]:
        """The buffer (members, elements) of each group's gradients."""
        return [self._flat(group).gradient for group in self.param_groups]

    def _flat(self, group: dict[str, Any]) -> FlatGroup:
        """The group's buffer; made anew when the parameters have left it (moved, cut, copied)."""
        buffers: dict[int, FlatGroup] = self.__dict__.setdefault("_buffers", {})
        parameters = group["params"]
        flat = buffers.get(id(parameters[0]))
        if flat is None or not flat.holds(parameters):
            members = 1 if group["rates"] is None else len(group["rates"])
            flat = buffers[id(parameters[0])] = FlatGroup(parameters, members)
        return flat

    @torch.no_grad()
    def keep(self, members: Tensor) -> None:
        """Forget all members of the stack but these; call after the stack itself was cut.

        members: indices into the present members, (kept,).
        """
        for group in self.param_groups:
            group["rates"] = group["rates"][members.cpu()]
            state = self.state[group["params"][0]]
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = state[name][members.to(state[name].device)]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue exactly where the saved optimiser was; its tensors are copied, not shared."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            first = group["params"][0]
            if group["rates"] is not None:
                group["rates"] = group["rates"].to("cpu", torch.float64)
            state = self.state[first]
            for name in {"exp_avg", "exp_avg_sq"} & state.keys():
                state[name] = state[name].clone()


def watched(optimiser: Optimizer) -> bool:
    """Whether somebody wants to be called before or after each step, or in its place."""
    every = (
        *(optimiser._optimizer_step_pre_hooks, optimiser._optimizer_step_post_hooks),
        *(optimizer._global_optimizer_pre_hooks, optimizer._global_optimizer_post_hooks),
    )
    step = vars(optimiser).get("step")  # PyTorch's schedules only count by it
    return any(every) or not (step is None or hasattr(step, "_wrapped_by_lr_sched"))


def check_group(group: dict[str, Any]) -> None:
    """Raise ValueError unless the parameters can share a buffer and the numbers make sense."""
    first = group["params"][0]
    if any((each.dtype, each.device) != (first.dtype, first.device) for each in group["params"]):
        raise ValueError("a parameter group must have one dtype and one device")
    if group["lr"] < 0 or group["eps"] < 0 or group["momentum_decay"] < 0:
        raise ValueError("lr, eps and momentum_decay must not be negative")
    if not all(0 <= beta < 1 for beta in group["betas"]):
        raise ValueError(f"betas must lie in [0, 1), got {group['betas']}")
    rates = group["rates"]
    of_one = rates is None and all(each.ndim == 2 for each in group["params"])
    if group["orthogonal"] and not of_one:
        raise ValueError("an orthogonal group holds the matrices of one network, without rates")
    if rates is not None and any(each.shape[:1] != rates.shape for each in group["params"]):
        raise ValueError(f"rates are for {len(rates)} members, the parameters for another number")
