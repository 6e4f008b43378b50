"""Say what is heard in two sounds, with the model in this folder.

    modelrun -C examples/tiny-whisper -- python load_model.py
"""

from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel

HERE = Path(__file__).resolve().parent
PITCHES = {"a horn": 220, "a whistle": 1760}  # in Hz


def main() -> None:
    model = WhisperModel(str(HERE), local_files_only=True)
    heard = []
    for name, pitch in PITCHES.items():
        sound = 0.3 * np.sin(2 * np.pi * pitch * np.arange(2 * 16000) / 16000)
        segments, _ = model.transcribe(sound.astype(np.float32), language="en", without_timestamps=True)
        heard.append(f"{name} is {' '.join(segment.text for segment in segments)}")
    print("faster-whisper:", ", ".join(heard))


if __name__ == "__main__":
    main()
