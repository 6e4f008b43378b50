"""Serve the model of ../tiny-llm over HTTP.

    modelrun -C examples/server -- python server.py --port 8000

    curl http://127.0.0.1:8000/health
    curl 'http://127.0.0.1:8000/generate?prompt=Alice+was'

SIGTERM and Ctrl-C end it in good order.
"""

import argparse
import contextlib
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the import: everything that is needed lies here

import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from transformers import pipeline  # noqa: E402

# modelrun says which model it was started for.
MODEL = os.environ.get("MODELRUN_ACTIVE_MODEL") or Path(__file__).resolve().parent.parent / "tiny-llm"


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.generate = pipeline("text-generation", model=str(MODEL))
    yield
    print("server: stopped", flush=True)


app = FastAPI(lifespan=lifespan)


@app.get("/health")
def health() -> dict:
    """It answers only once the model is loaded: uvicorn listens after lifespan's first half."""
    return {"status": "ok", "pid": os.getpid(), "env": os.environ.get("MODELRUN_ACTIVE_KEY")}


@app.get("/generate")
def generate(prompt: str, tokens: int = 40) -> dict:
    (answer,) = app.state.generate(prompt, max_new_tokens=tokens, do_sample=False)
    return {"text": answer["generated_text"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    uvicorn.run(app, host=args.host, port=args.port)
