"""Pulling and converting models, and the choice of a precision."""

from __future__ import annotations

from .intent import Intent

PULL_COMMAND = "```bash\nmodelyard pull ID\n```"
CONVERT_COMMAND = "```bash\nmodelyard convert PATH_OR_ID --precision int4 --device CPU\n```"

INTENTS: tuple[Intent, ...] = (
    Intent(
        "pull.howto",
        (f"Use `modelyard pull` with the id of the model on the Hugging Face hub:\n\n{PULL_COMMAND}",),
        do=(
            "[pull|download|fetch|get|obtain|retrieve|load down|grab|import] {a} {model}",
            "[pull|download|fetch|get|obtain|grab] {models}",
            "[pull|download|fetch|get|grab|import] {a} {model} [from the hub|from Hugging Face|from the internet|to this machine|onto my disk|to my computer]",
            "[add|get] a new {model} [to|into|for] Modelyard",
        ),
        ask=(
            "[where|how|from where] [can|could|would|do|should] I [get|download|fetch|obtain] [a model|models|a checkpoint|an LLM][| with Modelyard| from Hugging Face| from the hub]?",
            "[which|what] command [pulls|downloads|fetches|gets] [a model|models|checkpoints|an LLM|a checkpoint][| from the hub| from Hugging Face]?",
            "[getting|pulling|downloading|fetching] [a model|models|an LLM|a checkpoint][| from the hub| onto this host| to my disk]",
            "[explain|describe|show][| me] how [pulling works|to pull|a model is pulled|a model is downloaded|models are fetched][| please]",
            "where do I get [a model|models|checkpoints|a checkpoint] from?",
            "[what does|what is|explain] [modelyard pull|the pull command|`modelyard pull`][| do| for][?|]",
            "[pull|download|pulling models|downloading|model download|fetching a model][?|]",
            "I have no model yet, [what now|how do I get one|what should I do]?",
            "[which command downloads a model|how does pulling work|how does the download work|how do models get onto my machine]?",
        ),
        what=("modelyard pull", "pulling", "the pull command", "pulling a model", "downloading a model"),
        more=(
            "Pulling brings a checkpoint from the Hugging Face hub to your machine. You name it by its hub id, which is the owner and the name with a slash between them, for example `owner/name`.\n\n"
            f"{PULL_COMMAND}\n\n"
            "The download is kept, so a second pull is fast. After pulling, convert the model to the precision you want and run it. "
            "On a machine without internet, pull the model elsewhere and copy the files."
        ),
        command=PULL_COMMAND,
        weight=2.2,
    ),
    Intent(
        "pull.hubid",
        (
            "A hub id names a model on Hugging Face: the owner, a slash and the model name, for example `owner/name`. You give it to `modelyard pull`.",
        ),
        ask=(
            "what [does|should] [the ID|an id|the hub id|a model id] look like?",
            "[where|how] do I find the [id|hub id|model id|Hugging Face id|identifier|name] of a model?",
            "[what|which] [ID|id|name] [do I give|do I pass|should I write|must I type|goes] [to|in|into|after] [modelyard pull|the pull command|pull]?",
        ),
        what=(
            "a hub id",
            "the hub id",
            "a model id",
            "a Hugging Face id",
            "ID in modelyard pull",
            "the id of a model",
        ),
    ),
    Intent(
        "convert.howto",
        (
            f"Use `modelyard convert` with a path or a hub id, a precision and a device:\n\n{CONVERT_COMMAND}\n\nOr, with make: `make convert MODEL=ID`.",
        ),
        do=(
            "[convert|transform|turn|translate|export|prepare|compile|change] {a} {model}[| for serving| for Triton| for the server| for OpenVINO| for my CPU| into a repository entry| to another format| to the right format]",
            "[convert|export|transform|prepare] {models}[| for serving| for OpenVINO| for Triton]",
            "[convert|transform|export] {a} [Hugging Face|downloaded|pulled|safetensors] {model}",
            "[make|create|write|generate] a [Triton|OpenVINO|model-repository|model repository] entry",
            "[make|get] {a} {model} ready for [serving|Triton|OpenVINO|the server]",
        ),
        ask=(
            "[which|what] command [converts|is for converting|is used to convert|does convert|is there to convert] [a model|models|a checkpoint|my checkpoint]?",
            "how [is|are|does one get] [a model|models|a checkpoint|checkpoints] converted?",
            "I [have|already] [pulled|downloaded|fetched|got] [a model|the model|a checkpoint][, and now|. Now|, now] [it must be converted|I must convert it|convert it|I need to convert it]",
            "[tell|show] me how [conversion|converting] [works|is done|goes][| with a checkpoint| for a model| of a model]",
            "convert [my|our|a|the] [model|checkpoint] [for|to|into] [OpenVINO|Triton|serving|the server|the OpenVINO format|a repository entry]",
            "[what does|what is|explain] [modelyard convert|the convert command|make convert|the converter|`modelyard convert`][| do| for][?|]",
            "[convert|conversion|converting|converting models|model conversion][?|]",
            "why [do I have to|must I|should I|do we need to] convert [a model|models|it|the checkpoint]?",
            "I [pulled|downloaded|have] a model, how do I convert it?",
            "[which command converts a model|how does conversion work|how does the converter work|what are the options of convert|what options does modelyard convert have]?",
            "what [comes out of|is the result of|does one get from] [the conversion|converting|a conversion]?",
        ),
        what=(
            "modelyard convert",
            "conversion",
            "the convert command",
            "make convert",
            "the converter",
            "model conversion",
        ),
        more=(
            "Conversion turns a checkpoint into an entry of the model repository that the Triton server can load.\n\n"
            f"{CONVERT_COMMAND}\n\n"
            "The first argument is a path on your disk or a hub id; GGUF files work as well. "
            "`--precision` is int4, int4-cw, int8 or fp16. Fewer bits mean a smaller and faster model, more bits keep more quality. "
            "`--device` is CPU, GPU or NPU and says where the model shall run; an NPU wants int4-cw. "
            "If you prefer make, `make convert MODEL=ID` does the same with the usual settings. When the conversion is done, start the model with `modelyard run`."
        ),
        command=CONVERT_COMMAND,
        weight=2.4,
    ),
    Intent(
        "convert.gguf",
        (
            "Give the GGUF file to the converter as a path:\n\n```bash\nmodelyard convert model.gguf --precision int4 --device CPU\n```",
        ),
        do=(
            "[convert|import|use|load|run|serve|transform|read|open|bring in] {a} [GGUF|gguf|.gguf] [file|model|checkpoint]",
            "[convert|import|use|run|serve] [GGUF|gguf] [files|models|checkpoints]",
            "[use|convert|import] a model [from llama.cpp|in GGUF format|that is a gguf file|saved as GGUF]",
        ),
        ask=(
            "[is it possible|am I able|are we able] to [use|convert|load|run] [GGUF|a GGUF file|gguf files|my GGUF]?",
            "[can|does|will] Modelyard [cope|work|get along|do something] with [gguf|GGUF|GGUF files|my gguf file]?",
            "[does it|does Modelyard|can it|can Modelyard|can you] [support|read|convert|handle|accept|import|work with] [GGUF|gguf|GGUF files|gguf files|GGUF models]?",
            "[I have a GGUF file|I only have a gguf|my model is a gguf file|I downloaded a GGUF][, what now|, what do I do|. how do I use it|. can I use it]?",
            "[is GGUF supported|are gguf files supported|what about GGUF|and GGUF|what about gguf files]?",
        ),
        command="```bash\nmodelyard convert model.gguf --precision int4 --device CPU\n```",
        weight=1.4,
    ),
    Intent(
        "gloss.gguf",
        (
            "GGUF is a file format that holds a whole model, often quantized, in one file. It comes from llama.cpp, and `modelyard convert` reads it.",
        ),
        what=("GGUF", "gguf", "a GGUF file", "the GGUF format", "the gguf format"),
        weight=0.7,
    ),
    Intent(
        "precision.list",
        (
            "There are four precisions: int4, int4-cw, int8 and fp16. Fewer bits make the model smaller and faster; more bits keep more quality.",
        ),
        ask=(
            "[which|what] [precisions|precision values|precision settings] [may|can|could|do] I [choose from|pick from|select|give|have|use]?",
            "what [precision options|precision settings|precisions|quantization options] does [the converter|convert|modelyard convert|it|Modelyard] [offer|know|have|accept|take]?",
            "[what|which] [precisions|precision|bit widths|number formats|quantizations|quantisations|quantization levels] [are there|exist|are supported|does Modelyard support|can I use|can I choose|are available|do you offer|does convert know]?",
            "[list|name|show me|tell me] [the|all|the available] [precisions|precision options|values of --precision|quantization options]",
            "what [can I pass to|values does|may I give to] --precision[| take]?",
            "[explain|what does] the [--precision|precision] [option|flag|argument|setting][| mean| do]",
        ),
        what=(
            "precision",
            "the precisions",
            "the --precision option",
            "the precision option",
            "precisions in Modelyard",
        ),
        weight=1.3,
    ),
    Intent(
        "precision.choose",
        (
            "Take int4 for the smallest and fastest model on a CPU, int8 for better quality, fp16 for full quality, and int4-cw for an NPU.",
        ),
        do=(
            "[choose|pick|select|decide on|find] [a|the|the right|the best|a good] [precision|quantization|bit width|number of bits]",
        ),
        ask=(
            "[which|what] precision [would|do|can] you [suggest|advise|recommend|take|use|propose][| for my CPU| for a small machine| for the best quality| for speed]?",
            "is [int4|int8|fp16] or [int8|fp16|int4] [better|the better one|the right one|preferable|the best]?",
            "[which|what] precision [should I use|is best|do you recommend|shall I take|is right for me|should I choose|do I need|is the best|would you pick][| for a CPU| for a laptop| for my machine]?",
            "[int4 or int8|int8 or int4|fp16 or int8|int8 or fp16|int4 or fp16|should I use int4 or int8|what is better, int4 or int8|is int8 better than int4|int4 vs int8|int4 versus fp16|when do I use int8 and when int4]?",
            "[what is|explain|tell me] the difference between [int4 and int8|int8 and fp16|int4 and fp16|int4 and int4-cw|the precisions]",
            "[recommend|suggest] [a|me a|the best] precision[| for a CPU| for an NPU]",
        ),
        weight=1.3,
    ),
    Intent(
        "precision.int4",
        (
            "int4 stores each weight in 4 bits, with scales for small groups of weights. The model becomes about four times smaller than fp16 and runs fast on a CPU.",
        ),
        what=(
            "int4",
            "int4 precision",
            "4 bit",
            "4-bit precision",
            "--precision int4",
            "4-bit quantization",
            "INT4",
        ),
        ask=("[how many bits|how small is a model] [has|in|with] int4?",),
        weight=0.8,
    ),
    Intent(
        "precision.int4cw",
        (
            "int4-cw is int4 with one scale per channel (channel-wise). It is the right precision for an NPU:\n\n```bash\nmodelyard convert PATH_OR_ID --precision int4-cw --device NPU\n```",
        ),
        what=(
            "int4-cw",
            "channel-wise int4",
            "int4 channel-wise",
            "the cw in int4-cw",
            "channel-wise quantization",
            "int4-cw precision",
            "--precision int4-cw",
        ),
        do=(
            "[convert|prepare|export] {a} {model} for [an NPU|the NPU|my NPU|an Intel NPU]",
            "[use|run on|target] [an NPU|the NPU|my NPU|the neural processor]",
            "[run|serve] {a} {model} on [an NPU|the NPU|my NPU]",
        ),
        ask=(
            "[which|what] precision [does|for|do I need for|is right for] [an NPU|the NPU|NPUs|an NPU need]?",
        ),
        weight=1.0,
    ),
    Intent(
        "precision.int8",
        (
            "int8 stores each weight in 8 bits. The model is half as large as with fp16, and the quality stays very close to the original.",
        ),
        what=(
            "int8",
            "int8 precision",
            "8 bit",
            "8-bit precision",
            "--precision int8",
            "8-bit quantization",
            "INT8",
        ),
        weight=0.8,
    ),
    Intent(
        "precision.fp16",
        ("fp16 keeps each weight as a 16-bit floating point number: full quality, but the largest files.",),
        what=(
            "fp16",
            "fp16 precision",
            "half precision",
            "--precision fp16",
            "16-bit floating point",
            "FP16",
            "16 bit",
        ),
        weight=0.8,
    ),
    Intent(
        "gloss.quantization",
        (
            "Quantization stores the weights of a model with fewer bits, for example int8 or int4. The model becomes smaller and faster and loses a little quality.",
        ),
        what=(
            "quantization",
            "quantisation",
            "quantizing a model",
            "a quantized model",
            "weight quantization",
        ),
        ask=(
            "how [can|do|could] I [make|get] [my|a|the] model [smaller|more compact|lighter|to need less space]?",
            "[does|will] quantization [hurt|reduce|cost|change] [quality|the quality|accuracy]?",
            "why [quantize|quantise|should I quantize] a model?",
        ),
        do=(
            "[quantize|quantise|compress|shrink] {a} {model}",
            "make {a} {model} [smaller|take less memory|take less disk space|more compact]",
        ),
        weight=0.9,
    ),
    Intent(
        "convert.device",
        (
            "The option `--device` says where the model shall run: CPU, GPU or NPU. For example `--device GPU` prepares it for a GPU.",
        ),
        ask=(
            "[what|which] [devices|targets|values] [can I convert for|does convert support|can I pass to --device|does --device take|are allowed for --device]?",
            "[what does|explain] [the|] [--device|device] [option|flag|argument|setting][| do| mean]",
            "how do I [choose|select|set|pick|change] the [device|target device|target]?",
        ),
        do=(
            "[convert|prepare|export] {a} {model} for [a GPU|my GPU|the GPU|an Intel GPU|another device]",
            "[set|select|choose] the [device|target device]",
        ),
        what=("--device", "the device option", "the --device option", "the device flag"),
        weight=0.9,
    ),
    Intent(
        "models.list",
        ("`modelyard models` lists the models on this machine:\n\n```bash\nmodelyard models\n```",),
        do=(
            "[list|see|show|view|find out|check] [my|the|all|the installed|the available|all local|the converted|the local] [models|checkpoints]",
            "[list|see|show] [which|what] models [I have|are here|are installed|are ready|are available|are on this machine]",
        ),
        ask=(
            "how [can|do] I see [my models|which models I have|which models are there|what is installed|the models]?",
            "[show|give] me [a|the] [list|overview] of [my|the|all|all my|installed] models",
            "[which|what] models [do I have|are installed|are on this machine|are available here|did I pull|are ready|are here|have been converted]?",
            "[list|show me] [models|the models|my models|all models|the model list]",
            "[where is the list of models|what is installed|what does modelyard models do|is my model installed]?",
        ),
        what=("modelyard models", "the models command", "the list of models"),
        command="```bash\nmodelyard models\n```",
        weight=1.2,
    ),
)
