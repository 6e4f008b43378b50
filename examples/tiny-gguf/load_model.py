"""Complete a sentence with the model in this folder, by llama.cpp.

    modelrun -C examples/tiny-gguf -- python load_model.py
    modelrun -C examples/tiny-gguf -- python load_model.py "So she was"
"""

import sys
from pathlib import Path

from llama_cpp import Llama

HERE = Path(__file__).resolve().parent


def main() -> None:
    prompt = sys.argv[1] if len(sys.argv) > 1 else "Alice was"
    model = Llama(str(HERE / "model.gguf"), n_ctx=256, verbose=False)
    answer = model.create_completion(prompt, max_tokens=40, temperature=0, echo=True)
    print(answer["choices"][0]["text"])


if __name__ == "__main__":
    main()
