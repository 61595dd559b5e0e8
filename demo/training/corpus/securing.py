"""API keys and loopback, health and metrics: the service secured and observed."""

from __future__ import annotations

from .intent import Intent

KEY_COMMAND = '```bash\ncurl -H "Authorization: Bearer KEY" http://localhost:11434/v1/models\n```'
METRICS_COMMAND = "```bash\ncurl http://localhost:11434/metrics\n```"
READY_COMMAND = "```bash\ncurl http://localhost:11434/health/ready\n```"
SCRAPE = '```yaml\nscrape_configs:\n  - job_name: modelyard\n    static_configs:\n      - targets: ["localhost:11434"]\n```'

INTENTS: tuple[Intent, ...] = (
    Intent(
        "secure.howto",
        (
            "Use API keys: unless the service listens on loopback only, every request needs a key. Keep the key secret and open only port 11434.",
        ),
        do=(
            "[secure|protect|harden|lock down|guard|safeguard|lock] [it|Modelyard|the service|the API|{a} {service}|my {service}|the {host}|access to the API]",
            "[keep|stop|block|prevent] [strangers|others|attackers|unauthorized users|hackers|intruders] [out|from using it|from calling the API|away]",
            "[restrict|limit|control] [access|who can use the service|who may call the API]",
            "[add|set up|enable|turn on|configure] [security|authentication|access control|auth|authorization]",
            "make [it|the service|the API|Modelyard|my server] [safe|secure|safer|more secure]",
        ),
        ask=(
            "how [can|do] I make sure [that|] [nobody else|no stranger|only my team|no one else|only I] [uses|can use|calls|can reach|has access to] [it|my service|the API|the service]?",
            "what [must|should|can] [I|we] do [to secure|for the security of|to protect|about the security of] [my API|the API|the service|it]?",
            "how is [the gateway|the service|the API|it|my model] [protected|secured|guarded|kept safe][| against strangers| from others| from attackers]?",
            "is [it|Modelyard|the service|the API|my service] [secure|safe|protected|open to everyone]?",
            "[security|authentication|access control|auth|security features][?|]",
            "[how does security work|how is the service secured|what about security|who can access the service|can anyone use my service|what security is there|how are requests authenticated|is there authentication]?",
        ),
        what=(
            "security",
            "authentication",
            "the security of Modelyard",
            "access control",
            "security in Modelyard",
        ),
        more=(
            "Security in Modelyard begins with a simple rule: a service that only listens on loopback can be used without a key, every other service requires an API key.\n\n"
            "A client sends its key in a header:\n\n"
            f"{KEY_COMMAND}\n\n"
            "Give each user or program its own key, keep keys out of source code, and replace a key that has leaked. "
            "Only port 11434 of the gateway has to be reachable; Triton stays behind it. "
            "Since the models run on your own hardware, prompts and answers do not leave your network."
        ),
        command=KEY_COMMAND,
        weight=2.0,
    ),
    Intent(
        "secure.key",
        (f"Send the API key as a bearer token in the `Authorization` header:\n\n{KEY_COMMAND}",),
        do=(
            "[use|send|pass|give|provide|add|include|supply|set] [an|the|my] [API key|api key|key|access key][| with a request| in a request| to the gateway| in curl]",
            "[authenticate|log in|sign in|authorize] [a client|to the API|with a key|my client|a request|to the gateway]",
        ),
        ask=(
            "[in|to] which header [does|must|should|do] [the key|my API key|a key|an API key|I put the key] [go|belong|be|stand|]?",
            "how [do|can|must|should] [clients|users|programs|I] [pass|send|give|present|show] [their|the|an|a] [API key|key]?",
            "[where|how] [do I put|does the key go|do I send|do I write|goes] [the API key|the key|my key]?",
            "[which|what] header [do I need|holds the key|carries the key|is needed|must I set|is used for the key]?",
            "[API key|api keys|bearer token|authorization header|the key][?|]",
            "[how do API keys work|how are API keys used|what is the API key for|what does the key do]?",
        ),
        what=(
            "an API key",
            "the API key",
            "API keys",
            "an api key",
            "the bearer token",
            "the Authorization header",
        ),
        command=KEY_COMMAND,
        weight=1.7,
    ),
    Intent(
        "secure.loopback",
        (
            "On loopback (localhost) no key is needed. As soon as the service listens on another address, an API key is required.",
        ),
        ask=(
            "[do I|do we|must I] [also|still|even] need [a key|an API key] [when|if] [I only use localhost|I work locally|it runs on my laptop|I am on the same machine|it listens on loopback only]?",
            "is [a key|an API key] always [needed|necessary|required|mandatory]?",
            "[do I|do I always|must I] [need|have] [a key|an API key|a password|a login|authentication][| on localhost| on my own machine| on loopback| locally| for local use]?",
            "[is a key|is an API key|is a password|is authentication] [required|needed|necessary|mandatory|optional][| on localhost| locally| on loopback]?",
            "[when|why|where] [do I need|is] [a key|an API key|a key required|a key needed]?",
            "[can I use it without a key|does it work without a key|what about localhost|can I call the API without authentication|may I leave the key out|is there a way around the key]?",
        ),
        what=("loopback", "localhost", "the loopback rule", "the loopback address"),
        weight=1.2,
    ),
    Intent(
        "trouble.unauthorized",
        (
            "The key is missing or wrong. Send a valid API key in the header `Authorization: Bearer KEY`; only loopback works without one.",
        ),
        ask=(
            "[the gateway|the server|the API|my client|curl] [answers|responds|replies|fails|shows|says] [with|] [401|403|unauthorized|error 401|forbidden][, what is wrong|, what does it mean|, what did I do wrong|, why|][?|]",
            "[I get|why do I get|the server says|it answers|I see|what does] [401|403|error 401|unauthorized|a 401|forbidden|an authentication error|access denied|invalid key|status 401][|, why| mean|, what now][|?]",
            "[my request is rejected|my key is rejected|my key does not work|my request was denied|the API refuses my request|I am not authorized|the key is not accepted][, why|, what now|?|]",
        ),
        weight=1.0,
    ),
    Intent(
        "monitor.howto",
        (
            f"Read `/metrics` with Prometheus and ask `/health/ready` whether the service is ready:\n\n{METRICS_COMMAND}",
        ),
        do=(
            "[monitor|observe|watch|supervise|keep an eye on|track] [it|Modelyard|the service|the API|{a} {service}|my {service}|the load|requests|the model]",
            "[see|find out|know|measure|check] [how the service is doing|how busy the service is|how many requests come in|the load|the throughput|the latency|what the service is doing|the performance]",
            "[set up|add|enable|configure] [monitoring|observability|alerts]",
        ),
        ask=(
            "what is the [best|right|usual|easiest] way [to monitor|of monitoring|to watch|to observe] [the gateway|the service|it|my models]?",
            "how [can|do|could] I [keep watch over|keep an eye on|look after|watch] [the service|my service|the gateway|it|my model]?",
            "[monitoring|observability|how is it monitored|what monitoring is there|how does monitoring work|what about monitoring|how do I know what is going on|can it be monitored|is the service observable][?|]",
        ),
        what=("monitoring", "observability", "monitoring in Modelyard"),
        more=(
            "A service is observable when you can see from outside how it is doing. Modelyard offers two addresses for that.\n\n"
            "`/health/ready` says whether the service can take requests. Use it for load balancers and in scripts that wait for the start.\n\n"
            f"{READY_COMMAND}\n\n"
            "`/metrics` gives numbers in the format of Prometheus, such as counts and durations of requests. Add the gateway as a target:\n\n"
            f"{SCRAPE}\n\n"
            "From there you can draw graphs and send alerts, for example when requests become slow or fail."
        ),
        command=METRICS_COMMAND,
        weight=1.8,
    ),
    Intent(
        "monitor.metrics",
        (f"`/metrics` gives the numbers of the service in Prometheus format:\n\n{METRICS_COMMAND}",),
        do=(
            "[read|get|see|show|view|collect|query|fetch|find] [the|] metrics",
            "[see|get|collect|read] [statistics|numbers about the service|counters|the request counts]",
        ),
        ask=(
            "[which|what] [endpoint|address|path|URL] [has|shows|offers|holds|gives] [the|] [metrics|statistics|numbers]?",
            "where [would|can|could|do] I [find|get|see|read] [metrics|the metrics|statistics|the numbers]?",
            "[where|which endpoint|at which address] [are|has|do I find|can I see|gives] [the metrics|metrics|statistics][?|]",
            "[does it|does Modelyard|does the gateway] [have|export|offer|provide|expose] metrics?",
            "[metrics|the metrics|what about metrics|statistics][?|]",
        ),
        what=("/metrics", "the metrics", "the metrics endpoint", "metrics in Modelyard"),
        command=METRICS_COMMAND,
        weight=1.3,
    ),
    Intent(
        "monitor.prometheus",
        (f"Add the gateway to the scrape targets of Prometheus; it reads `/metrics`:\n\n{SCRAPE}",),
        do=(
            "[use|connect|configure|set up|integrate|add|link] [Prometheus|prometheus|Grafana][| with Modelyard| for the service| to the gateway]",
            "[scrape|graph|plot] [the service|the gateway|the metrics|metrics]",
        ),
        ask=(
            "how [do|can] I [hook up|attach|connect|add|set up] [Prometheus|Grafana|prometheus]?",
            "[does|can|will] it [work|integrate|connect|play] with [Prometheus|Grafana|Prometheus and Grafana]?",
            "[does it|does Modelyard|can it] [work with|support|integrate with|export to] [Prometheus|Grafana]?",
            "[Prometheus|Grafana|prometheus config|scrape config|what about Prometheus][?|]",
            "[show me|give me|what is] [a|the] [Prometheus|scrape] [configuration|config]",
        ),
        what=("Prometheus", "prometheus", "the Prometheus configuration"),
        command=SCRAPE,
        weight=1.2,
    ),
    Intent(
        "monitor.health",
        (
            f"Ask `/health/ready`; it answers with success as soon as the service can take requests:\n\n{READY_COMMAND}",
        ),
        do=(
            "[check|see|find out|know|test|verify|tell] [whether|if|that] the [service|server|gateway|model|API|deployment] is [ready|up|running|alive|healthy|working|available|online]",
            "[check|query|test|see] [the|] [health|readiness|status|health status] [of the service|of the gateway|of the server|]",
            "[wait|wait in a script] until the [service|server|model|gateway] is [ready|up|loaded]",
        ),
        ask=(
            "how [can|do|could] I [tell|see|know|be sure|check] [that|whether|if] [the server|the service|the gateway|it] is [up|healthy|ready|alive|running]?",
            "is there [an endpoint|a URL|an address|a path] [for|with|to do] [readiness checks|health checks|readiness|the health|a health check]?",
            "I [need|have|want] to [check|know|see] [that|whether|if] [the service|the server|it|the gateway] is [healthy|ready|fine|up|alive]",
            "is [the service|my service|the server|the gateway|it] [ready|up|running|alive|healthy|online]?",
            "[is there|do you have] a [health check|readiness check|health endpoint|status page|readiness probe|liveness probe]?",
            "[health|health check|readiness|readiness probe|what about health checks|service status][?|]",
            "[which|what] [endpoint|address|URL] [should a load balancer use|should a load balancer check|says that the service is ready|is for health checks]?",
        ),
        what=(
            "/health/ready",
            "the health endpoint",
            "the health check",
            "the readiness check",
            "the readiness probe",
        ),
        command=READY_COMMAND,
        weight=1.5,
    ),
)
