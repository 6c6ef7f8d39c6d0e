"""What each block of a model does, measured: how much the picture needs it, and whether its maps show words."""
