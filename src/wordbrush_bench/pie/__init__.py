"""PIE-Bench (Ju et al. 2024, arXiv 2310.01506): its data, its published settings, its published numbers."""
