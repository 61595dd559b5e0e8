"""Many requests on one connection, in JSON or MessagePack, which outlive a connection that breaks."""
