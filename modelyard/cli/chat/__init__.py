"""The chat of `modelyard run`: a conversation, what is typed, and how the answer is shown. One file each."""
