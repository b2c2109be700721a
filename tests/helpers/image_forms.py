"""One small set of images in every form that is read, by writers that are not ours."""

import csv
import io
import json
import pickle
import tarfile

import numpy as np
from PIL import Image

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def drawn(train=5, test=2, classes=10, size=(32, 32), seed=0):
    """Images (n, height, width, 3) and labels of two parts, sorted by class; plain NumPy."""
    random = np.random.default_rng(seed)
    return {
        part: (
            random.integers(0, 256, (count * classes, *size, 3), dtype=np.uint8),
            np.repeat(np.arange(classes), count),
        )
        for part, count in (("train", train), ("test", test))
    }


def as_rows(images):
    """Images as the rows of CIFAR's files: the red, the green and the blue plane."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def dump(value, path):
    """Pickle a batch; tests/data/test_cifar_format.py has one that Python 2 wrote."""
    path.write_bytes(pickle.dumps(value, protocol=4))


def python10(sets, folder):
    """CIFAR-10's python version."""
    folder = folder / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    images, labels = sets["train"]
    pieces = np.array_split(np.arange(len(labels)), 5)
    batches = {f"data_batch_{number}": piece for number, piece in enumerate(pieces, start=1)}
    for name, piece in batches.items():
        dump({"data": as_rows(images[piece]), "labels": labels[piece].tolist()}, folder / name)
    images, labels = sets["test"]
    dump({"data": as_rows(images), "labels": labels.tolist()}, folder / "test_batch")
    dump({"label_names": list(CLASSES), "num_vis": 3072}, folder / "batches.meta")
    return folder.parent


def python100(sets, folder):
    """CIFAR-100's python version; fine class n belongs to the coarse class n // 5."""
    folder = folder / "cifar-100-python"
    folder.mkdir(parents=True)
    for part, (images, labels) in sets.items():
        coarse = (labels // 5).tolist()
        batch = {"data": as_rows(images), "fine_labels": labels.tolist(), "coarse_labels": coarse}
        dump(batch, folder / part)
    names = {"fine_label_names": names100(), "coarse_label_names": [f"c{n}" for n in range(20)]}
    dump(names, folder / "meta")
    return folder.parent


def names100():
    return [f"fine{number:02}" for number in range(100)]


def binary10(sets, folder):
    """CIFAR-10's binary version."""
    folder = folder / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    images, labels = sets["train"]
    rows = np.hstack([labels[:, None].astype(np.uint8), as_rows(images)])
    for number, piece in enumerate(np.array_split(rows, 5), start=1):
        (folder / f"data_batch_{number}.bin").write_bytes(piece.tobytes())
    images, labels = sets["test"]
    rows = np.hstack([labels[:, None].astype(np.uint8), as_rows(images)])
    (folder / "test_batch.bin").write_bytes(rows.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n\n")
    return folder.parent


def binary100(sets, folder):
    """CIFAR-100's binary version."""
    folder = folder / "cifar-100-binary"
    folder.mkdir(parents=True)
    for part, (images, labels) in sets.items():
        both = np.stack([labels // 5, labels], axis=1).astype(np.uint8)
        (folder / f"{part}.bin").write_bytes(np.hstack([both, as_rows(images)]).tobytes())
    (folder / "fine_label_names.txt").write_text("\n".join(names100()) + "\n")
    (folder / "coarse_label_names.txt").write_text("".join(f"c{n}\n" for n in range(20)))
    return folder.parent


def png(image):
    """The bytes of a PNG."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def parquet(sets, folder, label="label", image="img", names=CLASSES):
    """Parquet files as Hugging Face writes them: two for training, one for test."""
    import pyarrow
    from pyarrow import parquet as files

    (folder / "plain_text").mkdir(parents=True)
    info = {"info": {"features": {label: {"names": list(names), "_type": "ClassLabel"}}}}
    for part, (images, labels) in sets.items():
        count = 2 if part == "train" else 1
        for number, piece in enumerate(np.array_split(np.arange(len(labels)), count)):
            pictures = [{"bytes": png(images[each]), "path": None} for each in piece]
            table = pyarrow.table({image: pictures, label: labels[piece].tolist()})
            table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
            name = f"{part}-{number:05}-of-{count:05}.parquet"
            files.write_table(table, folder / "plain_text" / name)
    return folder


def kaggle(sets, folder):
    """Numbered pictures, and tables of their labels; the competition has none for test."""
    for part, (images, labels) in sets.items():
        (folder / part).mkdir(parents=True)
        for number, image in enumerate(images, start=1):
            Image.fromarray(image).save(folder / part / f"{number}.png")
        with (folder / f"{part}Labels.csv").open("w", newline="") as file:
            rows = [(n, CLASSES[label]) for n, label in enumerate(labels, start=1)]
            csv.writer(file).writerows([("id", "label"), *rows[::-1]])
    return folder


def npz(sets, folder):
    """One archive of arrays, named as Keras names them."""
    folder.mkdir(parents=True)
    arrays = {f"x_{part}": images for part, (images, _) in sets.items()}
    arrays |= {f"y_{part}": labels[:, None] for part, (_, labels) in sets.items()}
    np.savez(folder / "cifar10.npz", class_names=np.array(CLASSES), **arrays)
    return folder


def npy(sets, folder):
    """Pairs of files of one array each, channels first."""
    folder.mkdir(parents=True)
    for part, (images, labels) in sets.items():
        np.save(folder / f"{part}_images.npy", images.transpose(0, 3, 1, 2))
        np.save(folder / f"{part}_labels.npy", labels.astype(np.uint8))
    np.save(folder / "class_names.npy", np.array(CLASSES))
    return folder


def class_folders(sets, folder, names=CLASSES):
    """A folder for each class in each part."""
    for part, (images, labels) in sets.items():
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            place = folder / part / names[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{number:04}.png")
    return folder


# Every form of CIFAR-10, and what the line says that recognises it.
FORMS = {
    "python": (python10, "CIFAR's python version"),
    "binary": (binary10, "CIFAR's binary version"),
    "parquet": (parquet, "parquet files"),
    "kaggle": (kaggle, "Kaggle's layout"),
    "npz": (npz, "NumPy arrays"),
    "npy": (npy, "NumPy arrays"),
    "folders": (class_folders, "class folders"),
}


def tar_folder(folder, path):
    """Pack a folder into a tar; the ending of the name says how."""
    packer = path.suffix.removeprefix(".")
    with tarfile.open(path, f"w:{'' if packer == 'tar' else packer}") as archive:
        archive.add(folder, ".")
    return path
