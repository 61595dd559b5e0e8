"""What OpenAI's API of audio has and this gateway has not, by name, with the values that ask for nothing. Tables."""

from __future__ import annotations

from gateway.dialects.refusals import Refusal

_SPEAKERS = "speakers are not told apart"

TRANSCRIPTION_REFUSED = {
    "chunking_strategy": Refusal("long audio is read in windows of 30 seconds"),
    "include": Refusal("the engine gives no probabilities of a transcript", (None, [])),
    "known_speaker_names": Refusal(_SPEAKERS, (None, [])),
    "known_speaker_references": Refusal(_SPEAKERS, (None, [])),
}
SPEECH_REFUSED = {"instructions": Refusal("this kind of model takes a voice and a text, nothing else", (None, ""))}
