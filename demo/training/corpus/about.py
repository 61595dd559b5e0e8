"""What Modelyard is, how it is built and what it needs."""

from __future__ import annotations

from .intent import Intent

LONG_ABOUT = (
    "Modelyard turns a model checkpoint into a running, secured and observable model service on hardware that you control.\n\n"
    "It starts with a model. You name a Hugging Face id or a GGUF file, and Modelyard pulls it and converts it to a precision that fits your machine: int4, int4-cw, int8 or fp16. "
    "The result is an entry in a model repository, ready for a Triton server.\n\n"
    "Then the model is served. NVIDIA Triton Inference Server loads it; OpenVINO GenAI runs it on CPUs, Intel GPUs and NPUs, and vLLM runs it on CUDA. "
    "In front of Triton stands a gateway written with FastAPI. It listens on port 11434 and speaks the OpenAI API, the Ollama API and a multimodal /chat, so existing clients work without changes.\n\n"
    "The service is secured: outside of loopback every request needs an API key. It is observable: /health/ready says whether it is ready, and /metrics gives numbers to Prometheus.\n\n"
    "Finally it is deployed. Containers and `make deploy` bring it to one host, and Ansible roles bring it to many. "
    "Everything can run offline, and your data never leaves your own hardware. 🚀"
)

LONG_ARCHITECTURE = (
    "Modelyard is built of a few parts, each with one job.\n\n"
    "1. The converters read Hugging Face checkpoints and GGUF files. They write model-repository entries in the chosen precision.\n"
    "2. NVIDIA Triton Inference Server loads these entries and runs the models. On CPUs, Intel GPUs and NPUs the work is done by OpenVINO GenAI, on CUDA by vLLM.\n"
    "3. The gateway is a FastAPI program on port 11434. It accepts OpenAI, Ollama and /chat requests, checks the API key and translates each request into KServe v2 gRPC for Triton. The tokens stream back in the same way.\n"
    "4. Health and metrics: /health/ready tells a load balancer when to send traffic, and /metrics is read by Prometheus.\n"
    "5. Containers, `make deploy` and Ansible roles put all parts on one host or on many.\n\n"
    "Because each part has a clear border, you can replace the model, the hardware or the client without touching the rest."
)

INTENTS: tuple[Intent, ...] = (
    Intent(
        "about.what",
        (
            "Modelyard turns a model checkpoint into a running, secured and observable model service on hardware you control. It converts, serves and deploys models behind OpenAI and Ollama compatible APIs.",
        ),
        ask=(
            "[in short|in brief|in one sentence|briefly], what [is|does] Modelyard[| do]?",
            "[somebody|my boss|a friend|a customer] [told me about|uses|spoke of|recommended] Modelyard[, what is it|. What is it|, what does it do][?|]",
            "what is [this|that|the] Modelyard [thing|software|tool|program|product|project|system] [|about|for|doing]?",
            "[tell|explain to|teach] me what Modelyard [is|does|is about|is for]",
            "what [is|does|can] [Modelyard|modelyard|this product|this software|this tool|this project][| do]?",
            "[what is|what's] [this|Modelyard] [all about|about|for|good for|used for]?",
            "[so|and|ok|tell me], what is Modelyard[| exactly| really| then]?",
            "[give me|I need|write] [a|an] [summary|overview|introduction|short description|one line summary] of [Modelyard|the product]",
            "[introduce|present|summarise|summarize|sum up] Modelyard[| in a sentence| for me| briefly]",
            "[I am new to Modelyard|never used Modelyard|I know nothing about Modelyard|I just installed Modelyard][.|], what is it?",
            "what [problem|task] does Modelyard solve?",
        ),
        what=(
            "Modelyard",
            "modelyard",
            "the Modelyard product",
            "the product",
            "this software",
            "this project",
        ),
        more=LONG_ABOUT,
        weight=2.5,
    ),
    Intent(
        "about.long",
        (LONG_ABOUT,),
        ask=(
            "[please|] [tell|explain|describe] [me|] [Modelyard|the whole of Modelyard|all of Modelyard] [in great detail|very thoroughly|as long as you can|with many words|in a long text]",
            "[I want|I would like|I need|let me read] a [long|detailed|thorough|full] [introduction|text|article|overview|explanation|answer] [to|on|about] [Modelyard|the product]",
            "[a lot more|much more|everything] about Modelyard[, please|]",
            "write [something|an answer|a page] [long|detailed|of many lines] about Modelyard",
            "[write|give me|I want|create|compose|produce] [a|an] [long|detailed|longer|full|complete|extensive|in-depth] [text|explanation|description|article|introduction|essay|story|overview|answer|report] [about|of|on] [Modelyard|the product|this product|modelyard]",
            "[explain|describe|present|tell me about] Modelyard [in detail|at length|in depth|thoroughly|in many words|in full|with all details|in several paragraphs|from start to end]",
            "[tell me|say|I want to know] [everything|all you know|a lot] about Modelyard[| please|.|!]",
            "[write|give me] [a few|several|many|three|four|some] [paragraphs|sentences|lines] [about|on] Modelyard",
            "[talk|speak|write] [for a while|at length|a lot|long] about Modelyard",
            "[a long|a detailed] [text|description|explanation] [about|of] Modelyard[|, please|.]",
        ),
        weight=1.2,
        more=LONG_ARCHITECTURE,
    ),
    Intent(
        "about.architecture",
        (
            "A FastAPI gateway takes OpenAI, Ollama and /chat requests and translates them into KServe v2 gRPC for the Triton server. Triton runs the converted model with OpenVINO or vLLM.",
        ),
        ask=(
            "what [is|happens] inside [of|] Modelyard?",
            "[which|what] [components|parts|pieces|services] [are in|belong to|does one find in|form|make up] [the Modelyard stack|the stack|Modelyard|the system]?",
            "how [does|do] Modelyard [work|function|operate|work inside|work internally|work under the hood]?",
            "[what is|describe|explain|show me|draw up] the [architecture|design|structure|internals|inner workings|build-up] of [Modelyard|the product|the system|the stack]",
            "[what|which] [parts|components|pieces|modules|building blocks|services] [does Modelyard have|is Modelyard made of|make up Modelyard|are there|does it consist of]?",
            "[what happens|what is the path|where does it go] [to a request|when I send a request|with a request|of a request][| inside Modelyard]?",
            "how is Modelyard [built|designed|structured|organised|put together|made]?",
            "how [do|does] the [gateway and Triton|gateway|parts|components] [talk to each other|fit together|work together|communicate]?",
        ),
        what=(
            "the architecture",
            "the Modelyard architecture",
            "the gateway",
            "the Modelyard gateway",
            "the internals of Modelyard",
        ),
        more=LONG_ARCHITECTURE,
        weight=1.2,
    ),
    Intent(
        "about.why",
        (
            "With Modelyard your data stays on your own hardware, clients for OpenAI and Ollama keep working, and security, metrics and deployment are included.",
        ),
        ask=(
            "what [benefits|advantages|gains|value] [does|would|will] Modelyard [bring|have|give|offer][| us| me| a company]?",
            "why [is|would] Modelyard [useful|be useful|good|a good choice|worth it][| for us| for a company]?",
            "[for what reason|why] [do|should|would] [we|companies|teams|developers] [use|want|need|take] [it|Modelyard]?",
            "why [should I|would I|do people|would anyone|would a company|should we] [use|choose|need|want|pick|prefer|try] Modelyard?",
            "[what are|name|list|tell me] the [advantages|benefits|strengths|strong points|pros|good sides|main features|features] of [Modelyard|the product]",
            "what [is good|is special|is better|is so great|is new|is different] [about|with|in] Modelyard?",
            "[why|why should I] [not use a cloud service|run models myself|host a model myself|self-host|run a model on my own hardware|not just use a cloud API]?",
            "[what do I gain|what is in it for me|why does it exist|what makes Modelyard useful|convince me to use Modelyard|sell Modelyard to me]",
            "who is Modelyard [for|made for|meant for]?",
            "[who|what kind of people|which teams] [uses|should use|needs|need] Modelyard?",
        ),
        weight=0.9,
    ),
    Intent(
        "about.start",
        (
            "Start with three commands:\n\n```bash\nmodelyard pull ID\nmodelyard convert ID --precision int4 --device CPU\nmodelyard run ID\n```\n\nFor the whole stack with the gateway, type `make serve`.",
        ),
        ask=(
            "how [should|can|could|would] [I|we|one] [start|begin|get going|get started][| with it| with Modelyard| quickly]?",
            "[which|what] [commands|steps] [come first|do I need at first|do I need to begin|are the first|do beginners need]?",
            "I [want|am ready|would like] to [start|begin|get started|get going][, what first|, which commands|. What now|][?|]",
            "how do I [get started|start with Modelyard|begin|use Modelyard|start using it|take the first steps|use it|work with Modelyard]?",
            "[what are|show me|list] the [first steps|basic commands|most important commands|main commands|commands of Modelyard|commands|basics]",
            "[where|how] [do|should|can] I [start|begin]?",
            "[quick start|quickstart|getting started|first steps|tutorial|a quick tour][ please| guide|?|]",
            "[give me|I need|I want|show me] a [quick start|quickstart|tutorial|short guide|getting started guide|walkthrough|five minute tour]",
            "what [is the first thing to do|do I do first|should I do first|commands are there|commands does Modelyard have|is the usual workflow|steps lead from a model to a service]?",
            "[which|what] commands [should I know|exist|can I use|does it offer|are available]?",
            "how do I get from a [checkpoint|model|file] to a [running service|service|running API]?",
        ),
        weight=1.3,
        command="```bash\nmodelyard pull ID\nmodelyard convert ID --precision int4 --device CPU\nmodelyard run ID\n```",
    ),
    Intent(
        "about.hardware",
        (
            "Modelyard runs on ordinary hardware: Intel or AMD CPUs, Intel GPUs and NPUs with OpenVINO, and NVIDIA GPUs with vLLM on CUDA. A GPU is optional.",
        ),
        ask=(
            "[would|will|does|could] [it|Modelyard|this] [run|work] on [a machine|a server|a computer|hardware] [without a GPU|with only a CPU|with no graphics card|from Intel|with an AMD processor]?",
            "[what|which] hardware [must I have|does one need|would I need|should I buy|is right|is enough]?",
            "[what|which] [hardware|machine|computer|processor|devices|CPUs|GPUs|chips|graphics card] [do I need|does Modelyard need|is needed|is supported|does Modelyard support|can I use|does it run on|works with Modelyard]?",
            "do I need a [GPU|graphics card|big machine|fast computer|server|NVIDIA card|data center]?",
            "[can|does|will] [it|Modelyard] [run|work] [without a GPU|on a CPU|on a laptop|on my laptop|on an old computer|on Intel|on AMD|on a normal PC|on NVIDIA|on an NPU|on ordinary hardware]?",
            "[what are|tell me] the [hardware requirements|system requirements|requirements|minimum requirements|supported devices]",
            "[is a GPU required|does it need a GPU|which devices are supported|is an NVIDIA GPU necessary|what devices can run a model|will my CPU do]?",
        ),
        what=("hardware", "the hardware requirements", "supported hardware", "the devices"),
        weight=1.1,
    ),
    Intent(
        "about.license",
        ("Modelyard and this demo model are open source under the Apache-2.0 license.",),
        ask=(
            "[under|with] [which|what] [license|licence|terms] is [it|Modelyard|the code] [published|released|licensed|given away]?",
            "[does it|does Modelyard|will it] cost [money|anything|something]?",
            "is [it|Modelyard] free[| to use| for everyone| or paid]?",
            "[what|which] license [does Modelyard have|is it under|do you have|applies|is used|covers Modelyard]?",
            "is Modelyard [open source|free|free software|free of charge|commercial|paid]?",
            "[how much does|what does] [Modelyard|it|this] cost?",
            "[may I|can I|am I allowed to] use [Modelyard|it|the demo model] [commercially|at work|in my company|for free|in a product]?",
            "[do I have to pay|what is the price|where is the source code|is the source open|is the code open|under which terms is it released]?",
        ),
        what=("the license", "the licence", "the price of Modelyard"),
        weight=0.7,
    ),
    Intent(
        "about.offline",
        (
            "Yes, Modelyard works offline. Pull and convert the model on a connected machine, copy the model repository and the container images over, and serve it in the air-gapped network.",
        ),
        ask=(
            "[does|will|would] [it|Modelyard] work [if|when] [there is no internet|the internet is down|my machine has no network|I am offline|nothing is online]?",
            "[can|could|may] [we|I|one] [use|run|operate] [it|Modelyard|this] [in|inside] [an air-gapped|a closed|an isolated|a secret] [network|site|data center|lab]?",
            "[can|does|will] [it|Modelyard|the service|everything] [run|work|be used|operate] [offline|without internet|without the internet|without a network|air-gapped|in an air-gapped network|in a closed network|with no internet|disconnected]?",
            "[do I need|does it need|is] [an internet connection|internet|the internet|online access|a connection to the cloud] [required|needed|]?",
            "[does Modelyard|does it|do you] [send data to the cloud|phone home|send my data anywhere|upload my data|need the cloud|share my data|collect data]?",
            "[is my data private|where does my data go|does my data leave my machine|do my prompts stay private|is my data safe from the cloud]?",
            "[we have no internet|our network is closed|our servers have no internet access|my machine is air-gapped], [can we use it|what now|does it work|what do we do]?",
        ),
        do=(
            "[use|run|deploy|serve|install] [Modelyard|it|models|the service] [offline|without internet|in an air-gapped network|in an isolated network|on an air-gapped machine|without any connection]",
            "[get|bring|move|copy|carry] [a model|models] [into an air-gapped network|to an offline machine|to a machine without internet]",
        ),
        what=("air-gapped use", "offline use", "offline mode", "air-gapped operation"),
        weight=1.2,
    ),
    Intent(
        "about.models",
        (
            "Modelyard takes Hugging Face checkpoints and GGUF files: language models such as Qwen2 or Llama, in the precisions int4, int4-cw, int8 and fp16.",
        ),
        ask=(
            "[which|what] [formats|file formats|model formats|kinds of files] [can|may|could] [be used|I use|I bring|be loaded|be read]?",
            "[what|which] [models|model families|kinds of models|LLMs|architectures|checkpoints] [are supported|does Modelyard support|can I use|can it run|work|can be served|can I serve|does it accept]?",
            "[what|which] [formats|file formats|model formats|file types] [are supported|does Modelyard read|can it convert|does it accept|can be converted|are understood|may a model have]?",
            "[does it|does Modelyard|can Modelyard|can it] [support|run|serve|handle] [Llama|Qwen|Qwen2|Hugging Face models|safetensors|my model|other models|any model|larger models]?",
            "[is Llama supported|are Qwen models supported|can I bring my own model|can I use my own checkpoint|can I use a bigger model]?",
        ),
        what=("supported models", "the supported formats"),
        weight=1.0,
    ),
)
