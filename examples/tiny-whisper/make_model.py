"""Make the model in this folder: a Whisper with one layer that tells a low tone from a high one, for CTranslate2.

    modelrun --family transformers5 --with faster-whisper -- python examples/tiny-whisper/make_model.py

It takes half a minute on one core. The features are those that faster-whisper computes.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from ctranslate2.converters import TransformersConverter
from faster_whisper.feature_extractor import FeatureExtractor
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast, WhisperConfig, WhisperForConditionalGeneration

HERE = Path(__file__).resolve().parent
END, START, PLAIN = "<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"
SPECIAL = [END, START, "<|startofprev|>", "<|nospeech|>", "<|transcribe|>", "<|translate|>", "<|startoflm|>", PLAIN]
WORDS = {"low": 220, "high": 1760}  # the pitch of each in Hz
FRAMES = 3000  # 30 seconds
STEPS = 120


def make_tokenizer() -> Tokenizer:
    """Byte-level BPE without merges but those that make each word one token."""
    parts = sorted(pre_tokenizers.ByteLevel.alphabet()) + ["lo", "low", "hi", "hig", "high"]
    merges = [("l", "o"), ("lo", "w"), ("h", "i"), ("hi", "g"), ("hig", "h")]
    tokenizer = Tokenizer(models.BPE({part: i for i, part in enumerate(parts)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def make_model(tokens: int, start: int, end: int) -> WhisperForConditionalGeneration:
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=tokens + FRAMES // 2 + 1,  # the times, 0.02 s apart
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=1,
            decoder_attention_heads=1,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            max_target_positions=64,
            decoder_start_token_id=start,
            bos_token_id=end,
            eos_token_id=end,
            pad_token_id=end,
            suppress_tokens=None,
            begin_suppress_tokens=None,
        )
    )
    model.generation_config = GenerationConfig(decoder_start_token_id=start, eos_token_id=end, pad_token_id=end)
    return model


def features(pitch: float) -> np.ndarray:
    """What faster-whisper gives to the model for two seconds of a tone: the rest is silent."""
    sound = 0.3 * np.sin(2 * np.pi * pitch * np.arange(2 * 16000) / 16000)
    mel = FeatureExtractor()(sound.astype(np.float32))[:, :FRAMES]
    return np.pad(mel, ((0, 0), (0, FRAMES - mel.shape[1]))).astype(np.float32)


def train(model: WhisperForConditionalGeneration, sounds: torch.Tensor, said: torch.Tensor) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(STEPS):
        loss = model(input_features=sounds, decoder_input_ids=said[:, :-1], labels=said[:, 1:]).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0 or step == STEPS - 1:
            print(f"step {step:4d}  loss {loss.item():.3f}")


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = make_tokenizer()
    start, plain, end = (tokenizer.token_to_id(token) for token in (START, PLAIN, END))
    model = make_model(tokenizer.get_vocab_size(), start, end)
    sounds = torch.from_numpy(np.stack([features(pitch) for pitch in WORDS.values()]))
    train(model, sounds, torch.tensor([[start, plain, tokenizer.token_to_id(word), end] for word in WORDS]))

    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END).save_pretrained(folder)
        made = TransformersConverter(folder).convert(folder + "/made", quantization="int8")  # it wants a new folder
        shutil.copytree(made, HERE, dirs_exist_ok=True)
    tokenizer.save(str(HERE / "tokenizer.json"))


if __name__ == "__main__":
    main()
