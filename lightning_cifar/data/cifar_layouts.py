"""What the files of CIFAR-10 and CIFAR-100 are called, and which MD5 the official ones have."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Layout:
    """One set of labels of one of the two data sets, in its python and its binary version.

    Attributes:
        title: of the data set.
        count: of the classes.
        train_files, test_files, meta_file: of the python version; images of the binary version lie
            in files of the same names that end in .bin.
        labels_key, names_key: where labels and class names stand in them.
        binary_names: the file with the classes' names in the binary version.
        label_bytes, label_at: in front of each image there, and which of them counts.
        md5: of the python version's files.
        archives: MD5 of the archive → what it is.
        class_names: those that are known, for files that name none.
    """

    title: str
    count: int
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    meta_file: str
    labels_key: str
    names_key: str
    binary_names: str
    label_bytes: int
    label_at: int
    md5: dict[str, str] = field(default_factory=dict)
    archives: frozenset[str] = frozenset()
    class_names: tuple[str, ...] = ()


CIFAR10 = Layout(
    title="CIFAR-10",
    count=10,
    train_files=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test_files=("test_batch",),
    meta_file="batches.meta",
    labels_key="labels",
    names_key="label_names",
    binary_names="batches.meta.txt",
    label_bytes=1,
    label_at=0,
    md5={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    },
    archives=frozenset({"c32a1d4ab5d03f1284b67883e8d87530"}),
    class_names=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
)
CIFAR100 = Layout(
    title="CIFAR-100",
    count=100,
    train_files=("train",),
    test_files=("test",),
    meta_file="meta",
    labels_key="fine_labels",
    names_key="fine_label_names",
    binary_names="fine_label_names.txt",
    label_bytes=2,
    label_at=1,
    md5={
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    },
    archives=frozenset({"03b5dce01913d631647c71ecec9e9cb8"}),
)
CIFAR100S = {  # by the labels that count
    "fine": CIFAR100,
    "coarse": replace(
        CIFAR100,
        title="CIFAR-100, coarse labels",
        count=20,
        labels_key="coarse_labels",
        names_key="coarse_label_names",
        binary_names="coarse_label_names.txt",
        label_at=0,
    ),
}
