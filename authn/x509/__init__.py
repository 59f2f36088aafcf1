"""Certificates of clients: whom they name, who vouches for them, and whether that still holds."""
