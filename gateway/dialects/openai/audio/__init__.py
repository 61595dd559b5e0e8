"""POST /v1/audio/transcriptions, /translations and /speech."""
