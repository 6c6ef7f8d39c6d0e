"""Pictures: untrusted files read, photographs fitted to a model's canvas and back, masks, plain PNGs."""
