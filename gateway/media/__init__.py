"""Files of sound and pictures: what is in them, and making them."""
