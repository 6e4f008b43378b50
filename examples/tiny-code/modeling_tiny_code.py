"""A transformer of 100,000 weights whose code comes with the model, as in many repositories of the hub."""

import torch
from torch import nn
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

# Many models written for transformers 4 import this. transformers 5 does not have it.
from transformers.utils.import_utils import is_torch_fx_available

if is_torch_fx_available():
    torch.fx.wrap("len")


class TinyCodeConfig(PretrainedConfig):
    model_type = "tiny_code"

    def __init__(self, vocab_size=384, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, window=256, **more):
        super().__init__(**{**more, "tie_word_embeddings": False})
        self.vocab_size, self.hidden_size, self.window = vocab_size, hidden_size, window
        self.num_hidden_layers, self.num_attention_heads = num_hidden_layers, num_attention_heads


class Block(nn.Module):
    def __init__(self, config: TinyCodeConfig):
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv_proj, self.o_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up_proj, self.down_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, length, width = x.shape
        q, k, v = self.qkv_proj(self.norm1(x)).view(rows, length, self.heads, -1).transpose(1, 2).chunk(3, dim=-1)
        seen = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o_proj(seen.transpose(1, 2).reshape(rows, length, width))
        return x + self.down_proj(nn.functional.gelu(self.up_proj(self.norm2(x))))


class TinyCodeForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = TinyCodeConfig

    def __init__(self, config: TinyCodeConfig):
        super().__init__(config)
        self.tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.places = nn.Embedding(config.window, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.05)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def get_input_embeddings(self) -> nn.Module:
        return self.tokens

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def forward(self, input_ids, labels=None, attention_mask=None, **_) -> CausalLMOutput:
        x = self.tokens(input_ids) + self.places(torch.arange(input_ids.shape[1], device=input_ids.device))
        for block in self.blocks:
            x = block(x)
        logits = self.lm_head(self.norm(x))
        loss = None
        if labels is not None:
            loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        return CausalLMOutput(loss=loss, logits=logits)

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **_) -> dict:
        return {"input_ids": input_ids}
