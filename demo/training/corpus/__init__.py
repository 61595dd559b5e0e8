"""Text of the demo model: everything it was trained on is written or generated in this package.

Topic modules hold intents (questions and answers), generators make sums, pictures and
command lines, and :mod:`corpus.dialogues` strings them into conversations.
"""
