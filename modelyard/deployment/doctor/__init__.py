"""What `modelyard doctor` looks at: one file for each part of a host, and in `findings` the form of what is found."""
