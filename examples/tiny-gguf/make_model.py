"""Make model.gguf: the model of ../tiny-llm in the format of llama.cpp, weights as 16-bit floats.

    python make_model.py        # needs gguf, safetensors and numpy; a second

Nothing is trained and no number depends on the machine, so the file is the same wherever it is made.
"""

import json
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType, TokenType
from safetensors.numpy import load_file

HERE = Path(__file__).resolve().parent
FROM = HERE.parent / "tiny-llm"

# The names of one layer's tensors, there and here.
LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def rotated(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rotary positions pair neighbours in llama.cpp, and the halves of a head in transformers."""
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def add_settings(writer: GGUFWriter, config: dict) -> None:
    writer.add_name("tiny-gguf")
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def add_tokenizer(writer: GGUFWriter, tokenizer: dict, eos: int) -> None:
    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    writer.add_tokenizer_model("gpt2")  # byte-level BPE
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if i == eos else TokenType.NORMAL for i in range(len(tokens))])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(eos)
    writer.add_add_bos_token(False)


def add_weights(writer: GGUFWriter, weights: dict[str, np.ndarray], heads: int, layers: int) -> None:
    def add(name: str, tensor: np.ndarray) -> None:
        writer.add_tensor(name + ".weight", tensor.astype(np.float32 if tensor.ndim == 1 else np.float16))

    add("token_embd", weights["model.embed_tokens.weight"])  # the output layer is the same
    add("output_norm", weights["model.norm.weight"])
    for layer in range(layers):
        for theirs, ours in LAYER.items():
            tensor = weights[f"model.layers.{layer}.{theirs}.weight"]
            add(f"blk.{layer}.{ours}", rotated(tensor, heads) if ours in ("attn_q", "attn_k") else tensor)


def main() -> None:
    config = json.loads((FROM / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((FROM / "tokenizer.json").read_text(encoding="utf-8"))
    writer = GGUFWriter(HERE / "model.gguf", arch=config["model_type"])
    add_settings(writer, config)
    add_tokenizer(writer, tokenizer, config["eos_token_id"])
    add_weights(writer, load_file(FROM / "model.safetensors"), config["num_attention_heads"], config["num_hidden_layers"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
