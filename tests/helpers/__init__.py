"""What tests share: tiny models, oracles, pages, files."""
