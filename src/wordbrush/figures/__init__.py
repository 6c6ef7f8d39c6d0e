"""Every experiment of the report that wordbrush began from, as figures that one command makes."""
