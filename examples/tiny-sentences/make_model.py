"""Make the model in this folder: a BERT of one layer with random weights, whose mean is the sentence's meaning.

    modelrun --family transformers5 --with sentence-transformers -- python examples/tiny-sentences/make_model.py

The tokenizer is that of ../tiny-llm.
"""

import tempfile
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel

HERE = Path(__file__).resolve().parent
BASE = HERE.parent / "tiny-llm"


def main() -> None:
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    bert = BertModel(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=128,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    torch.nn.init.normal_(bert.embeddings.word_embeddings.weight)  # what the words are counts more than where
    with tempfile.TemporaryDirectory() as folder:
        bert.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        words = Transformer(folder, max_seq_length=128)
    model = SentenceTransformer(modules=[words, Pooling(32, "mean"), Normalize()], device="cpu")
    model.save_pretrained(str(HERE), create_model_card=False)
    (HERE / "model.safetensors").chmod(0o644)  # safetensors writes 0600


if __name__ == "__main__":
    main()
