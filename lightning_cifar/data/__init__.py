"""Images from anywhere, as batches on the device.

In: a folder, a zip or an archive. Out: ``CIFAR10DataModule``, the batches and the statistics of the
training part. Uses no other room.
"""
