"""Running a model and talking to it: commands, ports, protocols and streaming."""

from __future__ import annotations

from .intent import Intent

RUN_COMMAND = "```bash\nmodelyard run MODEL\n```"
CURL_OPENAI = (
    "```bash\ncurl http://localhost:11434/v1/chat/completions \\\n"
    '  -d \'{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}\'\n```'
)
CURL_OLLAMA = (
    "```bash\ncurl http://localhost:11434/api/chat \\\n"
    '  -d \'{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}\'\n```'
)
PYTHON_OPENAI = (
    "```python\nfrom openai import OpenAI\n\n"
    'client = OpenAI(base_url="http://localhost:11434/v1", api_key="KEY")\n'
    'reply = client.chat.completions.create(\n    model="MODEL", messages=[{"role": "user", "content": "Hello"}]\n)\n'
    "print(reply.choices[0].message.content)\n```"
)

INTENTS: tuple[Intent, ...] = (
    Intent(
        "run.howto",
        (f"Start one model and talk to it with `modelyard run`:\n\n{RUN_COMMAND}",),
        do=(
            "[run|start|try|launch|execute|try out|test|use] {a} {model}[| locally| on my machine| on this host| here| on my laptop]",
            "[talk|chat|speak] [to|with] {a} {model}",
            "[run|start|launch] {models}",
        ),
        ask=(
            "how [can|do|could] I [start|run|launch] [one|a single|just one|only one] model[| and talk to it| and chat with it| and try it]?",
            "what is the way to [run|start|try] a model [on|at] [my laptop|home|my computer|this machine]?",
            "[what does|what is|explain] [modelyard run|the run command|`modelyard run`][| do| for][?|]",
            "the model is converted, [what now|what next|how do I run it|how do I start it]?",
            "[which command starts a model|how does running a model work|how do I chat in the terminal]?",
        ),
        what=("modelyard run", "the run command", "running a model"),
        command=RUN_COMMAND,
        weight=1.6,
    ),
    Intent(
        "serve.howto",
        (
            "`make serve` starts the whole stack, Triton and the gateway on port 11434:\n\n```bash\nmake serve\n```\n\nWithout make, use `modelyard serve`.",
        ),
        do=(
            "[serve|host|offer|expose] {a} {model}[| over HTTP| as an API| as a service| to others| on port 11434| to my team]",
            "[start|launch|boot|bring up|run|fire up|begin|turn on] [the|my|a] {service}",
            "[start|launch|bring up|run] [the whole stack|everything|Triton and the gateway|the stack|Triton|all services|Modelyard]",
            "[serve|host|expose] {models}",
        ),
        ask=(
            "[which|what] command [starts|brings up|launches|boots|runs] [the whole service|the service|the server|the stack|everything|the gateway|Triton and the gateway]?",
            "how [do|can|would] I [start up|bring up|power up|boot up|start] [the server|the service|the gateway|everything|the stack]?",
            "I want [my|a|the] model [served|to be served|to be online|reachable][| over HTTP| for my team| over the network]",
            "[what does|what is|explain] [modelyard serve|make serve|the serve command|`make serve`][| do| for][?|]",
            "[serve|serving|serving models|model serving|make serve][?|]",
            "[which command starts the server|how does serving work|how is the service started|how do I start it all]?",
        ),
        what=(
            "modelyard serve",
            "make serve",
            "serving",
            "the serve command",
            "model serving",
            "serving a model",
        ),
        more=(
            "Serving means that a model answers requests over the network. `make serve` starts two parts: the Triton server, which holds the models, and the gateway, which listens on port 11434.\n\n"
            "```bash\nmake serve\n```\n\n"
            "Then point any OpenAI or Ollama client to http://localhost:11434. Ask `/health/ready` whether the service is ready and read `/metrics` for numbers. "
            "On loopback no key is needed; as soon as the service listens on another address, every request needs an API key."
        ),
        command="```bash\nmake serve\n```",
        weight=1.9,
    ),
    Intent(
        "serve.port",
        ("The gateway listens on port 11434, so the address is http://localhost:11434.",),
        ask=(
            "[which|what] port [is|does] [the gateway|the API|the service|it|the server] [on|use|listen on|have|at]?",
            "what [base URL|address|port|URL] [does the API have|do clients need|must I use|shall I give to a client]?",
            "[what|which] [port|address|URL|url] [does it use|does the gateway use|is used|does Modelyard listen on|is the default|does the service have|should I open|do I connect to|is the API on]?",
            "[where|on which address|on which port] [does the gateway listen|does it listen|do I find the API|can I reach the service|is the service|is the server|do I send requests]?",
            "[what is|tell me] the [port|default port|address|URL|base URL|port number|endpoint][| of the gateway| of the service| of the API][?|]",
        ),
        what=("port 11434", "the port", "11434", "the port number"),
        weight=1.1,
    ),
    Intent(
        "api.openai",
        (f"The gateway speaks the OpenAI API at `/v1`. For example:\n\n{CURL_OPENAI}",),
        do=(
            "[use|call|reach|access|query] [the|] OpenAI [API|client|protocol|interface|format|SDK|endpoint|compatible API]",
            "[send|make|write] [a|an] [chat request|OpenAI request|chat completion|request with curl|completion request|HTTP request]",
            "[connect|point|use] [an|my|the] OpenAI [client|app|application|tool|library|SDK][| to Modelyard| with Modelyard]",
        ),
        ask=(
            "how [can|could|do] [my|an|our] OpenAI [app|client|program|tool] [talk to|use|reach|connect to] [Modelyard|the gateway|it|the service]?",
            "[does|will|would|do] [the gateway|it|Modelyard|OpenAI clients|OpenAI programs] work with [OpenAI clients|OpenAI apps|it|the gateway|the OpenAI client]?",
            "[show|give] me [a|the] [curl|HTTP|example] [command|call|request] [for|of|to] [a chat|chat completions|the API|a chat completion]",
            "is [it|Modelyard|the API|the gateway|the service] [compatible with OpenAI|OpenAI compatible|compatible with the OpenAI API]?",
            "[does|can] [it|Modelyard|the gateway] [speak|support|offer|have|provide|understand] [the|an] OpenAI [API|protocol|interface|compatible API]?",
            "[can I use|will] my OpenAI [client|app|code|scripts][| work][| with it]?",
            "[OpenAI|openai compatibility|the chat completions endpoint|chat completions|curl example][?|]",
            "[show me|give me] [a|an] [curl|OpenAI|request] example",
        ),
        what=("the OpenAI API", "OpenAI compatibility", "/v1/chat/completions", "the OpenAI endpoint"),
        command=CURL_OPENAI,
        weight=1.5,
    ),
    Intent(
        "api.python",
        (f"Use the OpenAI package of Python with the address of the gateway:\n\n{PYTHON_OPENAI}",),
        do=(
            "[call|use|reach|query|access] [the API|the service|Modelyard|the gateway|a model|my model] [from|in|with|using] [Python|python|a Python program|a Python script|Python code]",
            "[write|make] a [Python|python] [client|program|script][| for Modelyard| for the API]",
        ),
        ask=(
            "how [would|can|could|do] I [call|use|reach] [it|the API|the gateway|Modelyard] [from|in|with] [a Python script|Python|a Python program|my Python code]?",
            "[I need|I want|show me|please write] [Python|some Python] code [for|that calls|to call|to use] [the API|the gateway|it|Modelyard|a model]",
            "[show me|give me|write|I need] [a|some] [Python|python] [example|code|client|snippet]",
            "[is there a Python client|how does it work in Python|python example|Python code for the API|can I use Python]?",
        ),
        command=PYTHON_OPENAI,
        weight=0.9,
    ),
    Intent(
        "api.ollama",
        (
            f"The gateway also speaks the Ollama API on port 11434, so Ollama clients work unchanged:\n\n{CURL_OLLAMA}",
        ),
        do=(
            "[use|call|reach|access|query] [the|] Ollama [API|client|protocol|interface|tools|endpoint]",
            "[connect|point|use] [an|my|the] Ollama [client|app|application|tool|library|frontend][| to Modelyard| with Modelyard]",
            "[replace|switch from|migrate from|move from] Ollama[| to Modelyard| with Modelyard]",
        ),
        ask=(
            "[would|will|does|can] [an|my|the] Ollama [client|app|tool|program] [work|run|connect][| with this| with it| with the gateway| here]?",
            "[can|could|may|does] Modelyard [replace|stand in for|take the place of|act like|behave like] Ollama?",
            "is [it|Modelyard|the API|the gateway] [compatible with Ollama|Ollama compatible|like Ollama|a replacement for Ollama]?",
            "[does|can] [it|Modelyard|the gateway] [speak|support|offer|have|understand] [the|] Ollama[| API| protocol| clients]?",
            "[can I use|will|do] my Ollama [client|app|clients|tools][| work][| with it]?",
            "[Ollama|ollama compatibility|what about Ollama|and Ollama|does api/chat exist|is there /api/chat][?|]",
        ),
        what=("the Ollama API", "Ollama compatibility", "/api/chat", "Ollama support"),
        command=CURL_OLLAMA,
        weight=1.4,
    ),
    Intent(
        "api.chat",
        (
            "`/chat` is the multimodal endpoint of the gateway: a message may hold text and images, and the answer may hold both as well.",
        ),
        ask=(
            "[can|may|could] I [send|attach|include|add] [a picture|an image|images|photos][| along| together] with [text|a question|my message|my prompt]?",
            "[what is|what does|explain] [/chat|the /chat endpoint|the chat endpoint|the multimodal endpoint][| do| for][?|]",
            "[can I send|does it accept|how do I send|can the API take|may a message hold] [images|an image|pictures|a picture|a photo|text and images][| to a model]?",
            "[is it multimodal|does Modelyard support multimodal models|does it work with images|are images supported|is there a multimodal API]?",
        ),
        what=("/chat", "the /chat endpoint", "the multimodal chat", "multimodal requests", "multimodality"),
        weight=1.0,
    ),
    Intent(
        "api.stream",
        (
            'Set `"stream": true` in the request. Then the gateway sends the tokens one by one, as soon as they are made.',
        ),
        do=(
            "[stream|get|receive|read] [tokens|the answer|an answer|the output|the reply|responses|a response|results][| token by token| word by word| piece by piece| as they come| live]",
            "[turn on|enable|use|activate|switch on] streaming",
            "see the [answer|text|tokens] [as it is written|while it is generated|appear word by word]",
        ),
        ask=(
            "[can|could|may] I [get|see|have|read] the [tokens|words|text|answer] [while|as] [they are|it is] [made|generated|written|produced]?",
            "[does|do|can] [the API|the gateway|answers|it] [offer|have|do|give|allow] [streaming|streamed answers|live answers|a stream]?",
            "how [do|can] I [turn|switch] [streaming on|on streaming|on the stream]?",
            "[does it|does Modelyard|can it|can the API|does the gateway] [support streaming|stream|stream tokens|stream the answer|send partial answers]?",
            "[is streaming supported|is there streaming|what about streaming|do answers stream|must I wait for the whole answer]?",
        ),
        what=("streaming", "token streaming", "a streamed answer", "the stream option", "stream mode"),
        weight=1.3,
    ),
    Intent(
        "api.list",
        (
            "The gateway speaks three APIs on port 11434: the OpenAI API, the Ollama API and a multimodal `/chat`.",
        ),
        ask=(
            "[what|which] [APIs|protocols|interfaces|endpoints|API formats] [are there|does it speak|does Modelyard offer|are supported|does the gateway speak|can I use|are available|does Modelyard have]?",
            "[how do clients connect|what clients can I use|which clients work|how do programs talk to the service|how can an application use the model]?",
            "[list|name] the [APIs|endpoints|protocols]",
        ),
        what=("the APIs", "the API of Modelyard", "the API"),
        weight=0.9,
    ),
    Intent(
        "serve.test",
        ("`make test` runs the tests:\n\n```bash\nmake test\n```",),
        do=(
            "[run|start|execute] the [tests|test suite|unit tests|checks]",
            "[test|check|verify] [the code|Modelyard itself|the installation|my changes|the repository]",
        ),
        what=("make test", "the test suite", "the tests"),
        ask=(
            "[are there tests|is there a test suite|how is Modelyard tested|which command runs the tests]?",
        ),
        command="```bash\nmake test\n```",
        weight=0.8,
    ),
    Intent(
        "trouble.connect",
        (
            "Check three things: is the service started (`make serve`), does `/health/ready` answer, and do you use port 11434?",
        ),
        ask=(
            "[help|oh no|hm|sorry], [I can't connect|nothing answers|I cannot connect|the service is down|it does not respond][| to the service| to the gateway|!]",
            "[I cannot|I can't|my client cannot|why can't I] [connect|reach the server|reach the service|reach the gateway|get a connection|connect to the API]",
            "[connection refused|the service does not answer|the server does not respond|no answer from the gateway|the API is not reachable|the gateway is down|nothing answers on the port][, what now|, what should I do|, help|?|]",
            "[it does not work|nothing works|something is broken|the service is broken|it is not working|the server does not start|it fails to start|how do I debug it|how do I troubleshoot the service]",
        ),
        weight=1.0,
    ),
    Intent(
        "trouble.slow",
        (
            "To get more speed, take a lower precision such as int4, a smaller model, or a GPU instead of the CPU.",
        ),
        do=(
            "make [it|the model|the service|answers|inference|generation] [faster|quicker|run faster|more efficient]",
            "[speed up|accelerate] [the model|inference|the service|generation|answers]",
            "[improve|increase|raise] [the speed|performance|throughput|tokens per second]",
        ),
        ask=(
            "[my|the|our] model [answers|replies|is|works|generates] [slowly|very slowly|too slowly|so slow][, what can I do|, what helps|. How do I speed it up|][?|]",
            "[why is|] [it|the model|the answer|generation|inference|everything] [is|] [so slow|too slow|very slow|slow]",
            "[the answers take too long|it takes forever|my model is slow|low performance|the tokens come slowly]",
        ),
        weight=0.9,
    ),
    Intent(
        "trouble.memory",
        (
            "If the memory is too small, convert the model with a lower precision such as int4 or take a smaller model.",
        ),
        ask=(
            "[the|my|this] model [needs|takes|wants|eats] [more|too much] [RAM|memory][| than I have| than there is]",
            "[too little|not enough|no more] [memory|RAM] [for|to load] the model",
            "[out of memory|I run out of memory|the model does not fit|not enough RAM|the model is too big|the model needs too much memory|memory error|it crashes with out of memory|my RAM is full][, what now|, what can I do|, help|?|]",
            "how much [memory|RAM] [does a model need|do I need|is needed|is required]?",
        ),
        do=("[save|reduce|lower] [memory|memory use|RAM]", "[use|need] less memory"),
        weight=0.9,
    ),
)
