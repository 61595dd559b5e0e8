"""POST /tokenize and /detokenize, as vLLM has them; also below /v1."""
