"""Where published picture networks start the biases of their dense and convolution layers: a count.

One network of each family that torchvision can build, the smallest, counted once with torchvision
0.29; building all of them takes a minute. ``count`` counts one anew, and a test compares. The
biases of normalisation layers, which start at 0 everywhere, are left out.
"""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Family:
    """One family of networks.

    Attributes:
        name: what its authors call it.
        builder: torchvision's function for its smallest network.
        biases: biases of its dense and convolution layers.
        zero: how many of them start at exactly 0.
    """

    name: str
    builder: str
    biases: int
    zero: int

    @property
    def mostly_zero(self) -> bool:
        """Whether more than half of them start at 0."""
        return 2 * self.zero > self.biases


FAMILIES = (
    Family("AlexNet", "alexnet", 10_344, 0),
    Family("ConvNeXt", "convnext_tiny", 42_184, 42_184),
    Family("DenseNet", "densenet121", 1_000, 1_000),
    Family("EfficientNet", "efficientnet_b0", 10_340, 10_340),
    Family("GoogLeNet", "googlenet", 5_048, 0),
    Family("Inception", "inception_v3", 2_000, 0),
    Family("MaxViT", "maxvit_t", 64_032, 64_032),
    Family("MNASNet", "mnasnet0_5", 1_000, 1_000),
    Family("MobileNetV2", "mobilenet_v2", 1_000, 1_000),
    Family("MobileNetV3", "mobilenet_v3_small", 4_912, 4_912),
    Family("RegNet", "regnet_y_400mf", 6_208, 1_000),
    Family("ResNet", "resnet18", 1_000, 0),
    Family("ShuffleNetV2", "shufflenet_v2_x0_5", 1_000, 0),
    Family("SqueezeNet", "squeezenet1_1", 3_944, 3_944),
    Family("Swin", "swin_t", 40_840, 40_744),
    Family("VGG", "vgg11", 11_944, 11_944),
    Family("ViT", "vit_b_16", 57_064, 10_984),
)


def count(network: nn.Module) -> tuple[int, int]:
    """How many biases the dense and convolution layers of ``network`` have, and how many are 0."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d)
    layers = (layer for layer in network.modules() if isinstance(layer, kinds))
    biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
    return sum(bias.numel() for bias in biases), sum(int((bias == 0).sum()) for bias in biases)
