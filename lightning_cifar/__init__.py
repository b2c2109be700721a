"""Dense networks of chapter 11 on CIFAR-10: data, classifiers, callbacks and the command line."""
