"""Greetings and first answers in other languages, which also exercise multi-byte UTF-8."""

from __future__ import annotations

from .intent import Intent

_HELLO: tuple[tuple[str, str], ...] = (
    ("German", "Grüß Gott"),
    ("French", "Bonjour"),
    ("Spanish", "¡Hola!"),
    ("Japanese", "こんにちは"),
    ("Italian", "Buongiorno"),
    ("Chinese", "你好"),
    ("Russian", "Здравствуйте"),
    ("Korean", "안녕하세요"),
    ("Greek", "Γειά σου"),
    ("Polish", "Dzień dobry"),
    ("Portuguese", "Olá"),
    ("Arabic", "مرحبا"),
    ("Hindi", "नमस्ते"),
    ("Turkish", "Merhaba"),
    ("Czech", "Dobrý den"),
    ("Swedish", "Hej"),
)

_GREETINGS: tuple[tuple[str, str, str], ...] = (
    (
        "german",
        "[Grüß Gott|Guten Tag|Hallo|Servus|Guten Morgen|Guten Abend|Moin|Grüß dich|Grüezi][| zusammen|, wie geht es dir?|!|.|, liebes Modell| mein Freund|, kleiner Roboter|, wer bist du?]",
        "Grüß Gott! 👋 Ich bin das Demo-Modell von Modelyard. Wie kann ich helfen?",
    ),
    (
        "french",
        "[Bonjour|Salut|Bonsoir|Coucou|Bonjour à tous][|, ça va?|!| mon ami]",
        "Bonjour ! 👋 Je suis le modèle de démonstration de Modelyard. Comment puis-je aider ?",
    ),
    (
        "spanish",
        "[¡Hola!|Hola|Buenos días|Buenas tardes|¡Buenos días!|Buenas noches][| amigo|, ¿qué tal?|, ¿cómo estás?|, amiga mía|, querido robot| a todos|, ¿quién eres?]",
        "¡Hola! 👋 Soy el modelo de demostración de Modelyard. ¿En qué puedo ayudar?",
    ),
    (
        "japanese",
        "[こんにちは|おはようございます|こんばんは|はじめまして|やあ][|。|!|、元気ですか]",
        "こんにちは!👋 Modelyard のデモモデルです。何をお手伝いしましょうか。",
    ),
    (
        "italian",
        "[Ciao|Buongiorno|Buonasera|Salve][| a tutti|, come stai?|!]",
        "Buongiorno! 👋 Sono il modello dimostrativo di Modelyard. Come posso aiutare?",
    ),
    (
        "chinese",
        "[你好|您好|早上好|大家好][|!|。|吗]",
        "你好!👋 我是 Modelyard 的演示模型。需要什么帮助?",
    ),
)

_WHAT_IS: tuple[tuple[str, str, str], ...] = (
    (
        "german",
        "[|Hallo, |Bitte, |Also: |Und ][was ist eigentlich Modelyard|Was ist denn Modelyard|Was ist dieses Modelyard|Was ist Modelyard|Was macht Modelyard|Was kann Modelyard|Erkläre Modelyard|Wozu dient Modelyard|Kannst du mir Modelyard erklären][?|]",
        "Modelyard macht aus einem Modell-Checkpoint einen laufenden, gesicherten und überwachten Dienst auf eigener Hardware.",
    ),
    (
        "french",
        "[Qu'est-ce que Modelyard|C'est quoi Modelyard|Que fait Modelyard|Explique Modelyard][ ?|?|]",
        "Modelyard transforme un modèle en service sécurisé et observable, sur votre propre matériel.",
    ),
    (
        "spanish",
        "[¿Qué es Modelyard|Qué es Modelyard|¿Qué hace Modelyard|Explica Modelyard|¿Para qué sirve Modelyard][?|]",
        "Modelyard convierte un modelo en un servicio seguro y observable, en su propio hardware.",
    ),
    (
        "japanese",
        "[Modelyard とは何ですか|Modelyardとは|Modelyard は何ですか|Modelyard について教えてください][?|。|]",
        "Modelyard は、モデルを自分のハードウェアで動く安全なサービスに変えるソフトウェアです。",
    ),
)

INTENTS: tuple[Intent, ...] = (
    *(
        Intent(
            f"lang.say.{name.lower()}",
            (f"In {name}, hello is: {text}",),
            ask=(
                f"[say|write|type] [hello|hi|a greeting] in {name}[| please|!|.]",
                f"how [do you|do I|does one|would you] [say|write] [hello|hi] in {name}?",
                f"[what is|what's] [hello|the word for hello|a greeting|good day] in {name}?",
                f"[greet|can you greet|please greet] [me|us|my friend|someone] in {name}",
                f"[hello|a greeting] in {name}[?|, please|]",
                f"[what do people|what would someone|what do they] say [for|instead of] [hello|hi] in {name}?",
                f"I [want|would like|need|wish] to [say hello|greet|greet a friend|say hi|learn to say hello] in {name}",
                f"[hello|hi] in {name} [is|please|means what][?|]",
                f"[tell|teach|show] me [hello|hi|how to say hello|a greeting|the greeting] in {name}",
                f"how do people [greet each other|say hello] in {name}?",
                f"[can you|could you|please] [say hello|translate hello|give me a greeting|put hello] [in|into] {name}[?|]",
            ),
            weight=0.2,
        )
        for name, text in _HELLO
    ),
    *(Intent(f"lang.greet.{k}", (a,), ask=(q,), weight=0.35) for k, q, a in _GREETINGS),
    *(Intent(f"lang.what.{k}", (a,), ask=(q,), weight=0.3) for k, q, a in _WHAT_IS),
    Intent(
        "lang.list",
        (
            "Hello in a few languages:\n\n- German: Grüß Gott\n- French: Bonjour\n- Spanish: ¡Hola!\n- Japanese: こんにちは\n- Chinese: 你好\n- Russian: Здравствуйте 🌍",
        ),
        ask=(
            "[say|write|give me] [hello|hi|greetings] in [several|many|some|a few|different|all|five|various] languages[| you know]",
            "[list|show me] [greetings|hellos] [in|from] [other|many|different|several] [languages|countries]",
            "how do [people|you] say hello [around the world|in other languages|in different languages|in other countries]?",
            "greet [me|the world|everyone] in [many|several|all|different] languages",
            "show me some [Unicode|UTF-8|non-ASCII|foreign] [text|characters|greetings]",
        ),
        weight=0.6,
    ),
)
