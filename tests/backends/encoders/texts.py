"""Sentences of ours for retrieval: twelve documents, six queries, one document that answers each."""

from __future__ import annotations

DOCUMENTS = [
    "Keep bread in a linen bag inside a wooden box, and it stays soft for several days.",
    "The ferry to the northern island leaves the harbour every morning at a quarter past seven.",
    "To stop a tap from dripping, shut off the water and replace the rubber washer.",
    "A replica that misses three heartbeats is removed, and another becomes the leader.",
    "Young tomato plants should be watered early in the day and tied to a stick.",
    "The museum is closed on Mondays; on other days it opens at ten.",
    "Interest on the loan is paid twice a year, in March and in September.",
    "Foxes hunt at night and sleep through the day in a den under the roots of a tree.",
    "A violin string that is too old sounds dull and slips out of tune quickly.",
    "Stir the lentils with onions and cumin, and let them simmer for twenty minutes.",
    "The glacier has lost a third of its ice since the first measurements were made.",
    "Passports are issued within three weeks if all forms have been filled in.",
]
QUERIES = {
    "What can I do so that my loaf does not go stale?": 0,
    "When does the boat depart to the island?": 1,
    "My faucet is leaking, how is it repaired?": 2,
    "What happens when a database node fails?": 3,
    "At which time of the day do foxes look for food?": 7,
    "How long does it take to get a passport?": 11,
}
# Of many lengths, and one far longer than the model reads.
TEXTS = [
    *DOCUMENTS,
    *QUERIES,
    "ok",
    "def add(a, b):\n    return a + b",
    "Der Zug fährt um acht; 火车八点出发。",
    "The harbour was quiet before dawn, and the first boats had not come in yet. " * 40,
]
