"""Complete a sentence with the model in this folder, by onnxruntime-genai.

    modelrun -C examples/tiny-genai -- python load_model.py
"""

import sys
from pathlib import Path

import onnxruntime_genai as genai

HERE = Path(__file__).resolve().parent


def main() -> None:
    prompt = sys.argv[1] if len(sys.argv) > 1 else "Alice was"
    model = genai.Model(str(HERE))
    tokenizer = genai.Tokenizer(model)
    parameters = genai.GeneratorParams(model)
    parameters.set_search_options(max_length=42, do_sample=False)
    generator = genai.Generator(model, parameters)
    generator.append_tokens(tokenizer.encode(prompt))
    while not generator.is_done():
        generator.generate_next_token()
    print(tokenizer.decode(generator.get_sequence(0)))


if __name__ == "__main__":
    main()
