"""Fits into which somebody else puts a hand."""

from lightning.pytorch import Callback
from small_runs import small_data, small_trainer


def at(hook, action, epoch=0):
    """A callback that does something in an epoch, or at the start of a fit."""

    def act(_self, trainer, module, *_, **__):
        if trainer.current_epoch == epoch:
            action(trainer, module)

    return type("Acts", (Callback,), {hook: act})()


def fitted(folder, make, callbacks, options):
    trainer = small_trainer(folder, callbacks, max_epochs=3, **options)
    classifier = make()
    trainer.fit(classifier, small_data(train=74))  # four batches in an epoch
    return trainer, classifier
