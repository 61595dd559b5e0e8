"""How the families of models write a call of a tool: one file each."""
