"""What is asked and what is answered, in no dialect's words."""
