"""Who plans by batches, or asks for some, is not given blocks."""

import pytest
from acting_callbacks import at, fitted
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.errors import InputError


class Plans(Callback):
    """Notes the numbers that a schedule of one's own begins from."""

    def __init__(self):
        self.seen = set()

    def on_train_epoch_start(self, trainer, _):
        batches = (trainer.num_training_batches, len(trainer.train_dataloader))
        self.seen.add((*batches, trainer.estimated_stepping_batches))


class PlansEarly(Plans):
    def on_train_start(self, trainer, module):
        self.on_train_epoch_start(trainer, module)


@pytest.mark.parametrize("kind", [Plans, PlansEarly])
def test_a_trainer_counts_batches(tmp_path, kind):
    plans = kind()
    fitted(tmp_path, small_classifier, [plans], {})
    assert plans.seen == {(4, 4, 12)}


def test_a_checkpoint_from_within_an_epoch_is_refused(tmp_path):
    within = at("on_train_batch_end", lambda trainer, _: trainer.save_checkpoint(tmp_path / "a"))
    fitted(tmp_path, small_classifier, [within], {})
    with pytest.raises(InputError, match="was written within an epoch, and a fit goes on from"):
        small_trainer(tmp_path, [within], max_epochs=2).fit(
            small_classifier(), small_data(train=74), ckpt_path=tmp_path / "a", weights_only=False
        )


def test_a_callback_that_asks_for_batches_gets_single_ones(tmp_path):
    asked = []

    def ask(trainer, _):
        asked.extend(trainer.datamodule.train_dataloader())

    fitted(tmp_path, small_classifier, [at("on_train_epoch_end", ask, 1)], {})
    assert [len(labels) for _, labels in asked] == 4 * [16]
