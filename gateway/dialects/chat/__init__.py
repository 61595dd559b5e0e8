"""`/chat`: a conversation per user, kept by the gateway."""
