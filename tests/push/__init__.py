"""Push delivery."""
