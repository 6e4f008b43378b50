"""Say which sentence is most like the first one, with the model in this folder.

    modelrun -C examples/tiny-sentences -- python load_model.py
"""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the import: everything that is needed lies here
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # transformers 5 shows one for each load

from sentence_transformers import SentenceTransformer  # noqa: E402

HERE = Path(__file__).resolve().parent
SENTENCE = "Alice was beginning to get very tired."
OTHERS = [
    "a White Rabbit with pink eyes",
    "Alice was getting very tired.",
    "pop down a large rabbit-hole",
]


def main() -> None:
    model = SentenceTransformer(str(HERE))
    (alike,) = model.similarity(model.encode([SENTENCE]), model.encode(OTHERS))
    print(f"{model.get_embedding_dimension()} numbers a sentence; most like it: {OTHERS[alike.argmax()]}")


if __name__ == "__main__":
    main()
