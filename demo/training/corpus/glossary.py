"""Short definitions of the programs and words that Modelyard is made of."""

from __future__ import annotations

from .intent import Intent

INTENTS: tuple[Intent, ...] = (
    Intent(
        "gloss.triton",
        (
            "NVIDIA Triton Inference Server loads the models of a model repository and runs them. In Modelyard it does the serving behind the gateway.",
        ),
        what=(
            "Triton",
            "triton",
            "NVIDIA Triton",
            "the Triton server",
            "Triton Inference Server",
            "the inference server",
        ),
        ask=(
            "what [exactly does|does] Triton [do|do here|do in Modelyard]?",
            "[explain|describe][| to me] [Triton|what Triton does|the Triton server]",
            "[which|what] [inference server|server|serving engine|engine] [does Modelyard use|is used|runs the models|loads the models]?",
            "[who|what] [runs|executes] the models?",
        ),
        weight=1.1,
    ),
    Intent(
        "gloss.openvino",
        (
            "OpenVINO is Intel's toolkit for running models. Modelyard uses OpenVINO GenAI on Intel and AMD CPUs, Intel GPUs and NPUs.",
        ),
        what=("OpenVINO", "openvino", "OpenVINO GenAI", "the OpenVINO backend"),
        ask=(
            "[what|which] [engine|backend|runtime] [is used on|runs on|works on|do I get on] [a CPU|CPUs|Intel|an Intel GPU|Intel hardware]?",
            "[does it use|is|do you use] OpenVINO[| used| supported]?",
        ),
        weight=1.1,
    ),
    Intent(
        "gloss.vllm",
        ("vLLM is a fast engine for language models on NVIDIA GPUs. Modelyard uses it on CUDA.",),
        what=("vLLM", "vllm", "VLLM", "the vLLM backend", "the vLLM engine"),
        ask=(
            "[what|which] [engine|backend|runtime] [is used on|runs on|works on|do I get on] [CUDA|an NVIDIA GPU|NVIDIA GPUs|NVIDIA hardware]?",
            "[does it use|is|do you use] vLLM[| used| supported]?",
        ),
        weight=1.0,
    ),
    Intent(
        "gloss.cuda",
        ("CUDA is NVIDIA's platform for computing on its GPUs. On CUDA, Modelyard serves models with vLLM.",),
        what=("CUDA", "cuda", "CUDA support"),
        do=(
            "[run|serve|use] {a} {model} on [an NVIDIA GPU|CUDA|my NVIDIA card|a GeForce card]",
            "[use|enable] [CUDA|my NVIDIA GPU]",
        ),
        ask=(
            "[will|would|does|can] [my|an|our] NVIDIA [card|GPU|graphics card] [work|be used|do][| with CUDA| with it| here]?",
            "[does it|does Modelyard|can it] [support|use|work with|run on] [CUDA|NVIDIA GPUs|NVIDIA cards|my NVIDIA card]?",
            "I have an NVIDIA [card|GPU], [can I use it|does it work|what now]?",
        ),
        weight=1.0,
    ),
    Intent(
        "gloss.npu",
        (
            "An NPU is a processor made for neural networks, found in recent Intel chips. Convert with `--precision int4-cw --device NPU` to use it.",
        ),
        what=("an NPU", "the NPU", "a neural processing unit", "NPU support", "NPU"),
        ask=("[does it|does Modelyard|can it] [support|use|work with|run on] [an NPU|NPUs|the NPU|my NPU]?",),
        weight=0.9,
    ),
    Intent(
        "gloss.gpu",
        (
            "A GPU computes many things at once, which suits models. Modelyard uses Intel GPUs through OpenVINO and NVIDIA GPUs through vLLM on CUDA.",
        ),
        what=("a GPU", "GPU support", "GPU", "graphics cards", "an Intel GPU"),
        ask=(
            "[does it|does Modelyard|can it] [support|use|work with|run on] [a GPU|GPUs|Intel GPUs|my GPU|graphics cards]?",
        ),
        weight=0.8,
    ),
    Intent(
        "gloss.fastapi",
        ("FastAPI is a Python framework for web APIs. The gateway of Modelyard is written with it.",),
        what=("FastAPI", "fastapi", "the FastAPI framework"),
        ask=(
            "[what is the gateway written in|in which framework is the gateway written|which language is the gateway written in|what framework does the gateway use]?",
        ),
        weight=0.8,
    ),
    Intent(
        "gloss.kserve",
        (
            "KServe v2 is a standard protocol for inference requests. The gateway uses it over gRPC to talk to Triton.",
        ),
        what=("KServe", "KServe v2", "kserve", "KServe-v2 gRPC", "the KServe protocol", "the v2 protocol"),
        ask=(
            "[which protocol|what protocol] [is used between the gateway and Triton|does the gateway use for Triton|does Triton speak|connects the gateway and Triton]?",
        ),
        weight=0.8,
    ),
    Intent(
        "gloss.grpc",
        (
            "gRPC is a fast way for programs to call each other. The gateway talks to Triton with KServe v2 over gRPC.",
        ),
        what=("gRPC", "grpc", "gRPC in Modelyard"),
        weight=0.7,
    ),
    Intent(
        "gloss.ansible",
        (
            "Ansible sets up many hosts from one place. Modelyard brings Ansible roles; the playbook is `playbooks/site.yml`.",
        ),
        what=("Ansible", "ansible", "the Ansible tool"),
        weight=0.7,
    ),
    Intent(
        "gloss.ollama",
        (
            "Ollama is a program for running language models locally. The gateway of Modelyard speaks its API on the same port, 11434.",
        ),
        what=("Ollama", "ollama"),
        weight=0.7,
    ),
    Intent(
        "gloss.container",
        (
            "A container packs a program with everything it needs, so it runs the same on every host. Modelyard runs Triton and the gateway in containers.",
        ),
        what=("a container", "Docker", "a container image", "containerization"),
        weight=0.7,
    ),
    Intent(
        "gloss.huggingface",
        (
            "Hugging Face is a hub where models are published. `modelyard pull ID` brings a model from there to your machine.",
        ),
        what=(
            "Hugging Face",
            "hugging face",
            "the Hugging Face hub",
            "HuggingFace",
            "the hub",
            "the model hub",
        ),
        weight=0.8,
    ),
    Intent(
        "gloss.repository",
        (
            "A model repository is the folder from which Triton loads models. Each converted model is one entry in it.",
        ),
        what=(
            "a model repository",
            "the model repository",
            "model repository",
            "a repository entry",
            "the Triton model repository",
        ),
        ask=(
            "[where does Triton find|from where does Triton load|where are] the [models|converted models]?",
        ),
        weight=0.9,
    ),
    Intent(
        "gloss.checkpoint",
        (
            "A checkpoint is a saved model: its weights, its configuration and its tokenizer. Modelyard turns it into a service.",
        ),
        what=("a checkpoint", "a model checkpoint", "checkpoint", "the term checkpoint"),
        weight=0.8,
    ),
    Intent(
        "gloss.llm",
        (
            "An LLM is a large language model: a neural network that writes text token by token. Modelyard serves such models.",
        ),
        what=("an LLM", "a large language model", "LLM", "a language model", "language models", "LLMs"),
        weight=0.8,
    ),
    Intent(
        "gloss.token",
        ("A token is a piece of text, such as a word or a part of a word. Models read and write tokens.",),
        what=("a token", "tokens", "token", "a text token"),
        weight=0.7,
    ),
    Intent(
        "gloss.tokenizer",
        (
            "A tokenizer cuts text into tokens and joins tokens to text again. Mine knows all 256 bytes, so it can read any UTF-8 text.",
        ),
        what=("a tokenizer", "the tokenizer", "tokenization", "tokenizer"),
        weight=0.7,
    ),
    Intent(
        "gloss.inference",
        (
            "Inference means using a trained model: text goes in and an answer comes out. In Modelyard Triton does the inference.",
        ),
        what=("inference", "model inference", "the term inference"),
        weight=0.7,
    ),
    Intent(
        "gloss.gateway_key",
        (
            "The gateway is the front door of Modelyard: a FastAPI program on port 11434 that checks API keys and passes requests to Triton.",
        ),
        what=("the API gateway", "a gateway", "the role of the gateway", "the front door"),
        ask=(
            "what does the gateway do?",
            "[why is there|what is the job of|what is the task of] [a|the] gateway?",
        ),
        weight=0.9,
    ),
    Intent(
        "gloss.temperature",
        (
            "The temperature sets how freely a model chooses words: 0 always takes the most likely token, higher values bring more variety.",
        ),
        what=("temperature", "the temperature setting", "the temperature parameter", "sampling temperature"),
        weight=0.6,
    ),
    Intent(
        "gloss.context",
        ("The context is the text a model can see at once, measured in tokens. Mine holds 2048 tokens.",),
        what=("the context window", "the context length", "context length", "a context window"),
        ask=("how [long|big|large] is your context[| window]?", "how much text can you [read|remember|see]?"),
        weight=0.6,
    ),
    Intent(
        "gloss.safetensors",
        (
            "Safetensors is a safe file format for the weights of a model. Hugging Face checkpoints use it and Modelyard reads it.",
        ),
        what=("safetensors", "a safetensors file", "the safetensors format"),
        weight=0.6,
    ),
    Intent(
        "gloss.make",
        ("The main make targets are `make serve`, `make test`, `make convert MODEL=...` and `make deploy`.",),
        what=("the Makefile", "the make targets", "make targets"),
        ask=(
            "[which|what] make [targets|commands] [are there|exist|does Modelyard have|can I use]?",
            "[what can I do|what is possible] with make?",
            "list the make [targets|commands]",
        ),
        weight=0.9,
    ),
    Intent(
        "gloss.prompt",
        (
            "A prompt is the text you give to a model. For pictures I write image prompts: ask me to draw something.",
        ),
        what=("a prompt", "prompts", "an image prompt", "an image_prompt"),
        weight=0.6,
    ),
)
