"""Photographs: untrusted files read as pictures, fitted to a model, and their inversions kept on disk."""
