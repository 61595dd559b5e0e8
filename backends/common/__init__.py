"""What every backend needs: reading inputs and settings, saying what went wrong. Knows no engine and not Triton."""
